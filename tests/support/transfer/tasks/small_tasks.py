"""Tasks and encoders that are quick, and of which is known what is good for what."""

import keras
import numpy as np
from keras import layers

from kerasnorm.transfer import Task, TaskAffinity

COUNT = 160
JIT = False if keras.config.backend() == "tensorflow" else "auto"  # XLA would take longer


def examples(seed=0):
    """Returns four numbers for each example, that have nothing to do with each other."""
    return np.random.default_rng(seed).normal(size=(COUNT, 4)).astype("float32")


def sees(*columns):
    """Returns an encoder that passes on some of the numbers, and hides the others."""
    model = keras.Sequential([keras.Input((4,)), layers.Dense(4, use_bias=False)])
    model.compile(jit_compile=JIT)
    model.set_weights([np.diag(np.isin(range(4), columns).astype("float32"))])
    return model


def encoders():
    return {"sum": sees(0, 1), "sign": sees(2), "difference": sees(0, 1, 3)}


def tasks(x):
    return [
        Task("sum", x[:, 0] + x[:, 1], "regression"),
        Task("sign", x[:, 2] > 0, "classification"),
    ]


def measure(**arguments):
    """Returns a TaskAffinity of the encoders, tasks and examples, or of those given."""
    x = examples()
    data = {"encoders": encoders(), "tasks": tasks(x), "x": x}
    settings = {"epochs": 6, "batch_size": 20, "learning_rate": 1e-2, "jit_compile": JIT}
    return TaskAffinity(**{**data, **settings, **arguments})
