"""What `test_long_jobs.py` runs in processes of their own."""

import hashlib
import pathlib
import resource

import keras
import numpy as np
import tensorflow as tf
from keras import layers

import kerasnorm as kn
from kerasnorm import normalization
from kerasnorm.imbalance import BalancedAccuracy
from kerasnorm.transfer import l2_sp

COUNTS = (60, 26, 10)
IMAGES = np.random.default_rng(0).normal(size=(96, 8, 8, 3)).astype("float32")
LABELS = np.repeat([0, 1, 2], COUNTS)
LOSS = kn.BalancedSoftmax(COUNTS)


def norm(name):
    return normalization.get(name, **({"groups": 4} if name == "group" else {}))


def every_layer():
    """Returns a model that has every normalization, by name or around a kernel."""
    inputs = x = keras.Input((8, 8, 3))
    for name in normalization.names():
        x = layers.Conv2D(8, 3, padding="same", use_bias=False)(x)
        x = norm(name)(x)
        x = layers.ReLU()(x)
    x = normalization.SpectralNormalization(layers.Conv2D(8, 3))(x)
    x = normalization.WeightNormalization(layers.Conv2D(8, 3))(x)
    return keras.Model(inputs, layers.Dense(3, name="head")(layers.Flatten()(x)))


def memory():
    """Returns the megabytes that the process has in memory."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


class Memory(keras.callbacks.Callback):
    """Notes the memory after some batches."""

    def __init__(self, *steps):
        super().__init__()
        self.steps, self.noted, self.count = steps, [], 0

    def on_train_batch_end(self, batch, logs=None):
        self.count += 1
        if self.count in self.steps:
            self.noted.append(memory())


def memory_of_fit():
    model = every_layer()
    rates = kn.layer_decay(model, 0.9)
    optimizer = kn.LayerwiseLearningRate(keras.optimizers.Adam(1e-3), rates)
    model.compile(optimizer, LOSS, metrics=[BalancedAccuracy(3)])
    noted = Memory(400, 1400)
    data = kn.resample((IMAGES, LABELS), batch_size=8)
    model.fit(data, epochs=117, verbose=0, callbacks=[noted])
    print(*noted.noted)


def memory_of_calls():
    norms = [norm(name) for name in normalization.names()]
    noted = Memory(100, 1100)
    for step in range(1100):
        x = np.zeros((2, 3 + step % 5, 4, 8), "float32")
        for layer in norms:
            layer(x, training=True)
        noted.on_train_batch_end(step)
    print(*noted.noted)


def small():
    inputs = keras.Input((8, 8, 3))
    x = layers.Dropout(0.1)(kn.ConvNormActivation(8, 3, pool="max")(inputs))
    return keras.Model(inputs, layers.Dense(3, name="head")(layers.Flatten()(x)))


def weights_of_recipes():
    """Prints a hash of the weights, bit by bit, that some recipes end with.

    Eagerly, which computes in the same order and is done in a third of the time.
    """
    tf.config.run_functions_eagerly(True)
    recipes = [
        kn.Recipe("group", "scratch", "resample", normalization_settings={"groups": 4}),
        kn.Recipe(
            imbalance="class_weights",
            transfer_settings={"head_epochs": 1, "decay": 0.9},
            schedule="cosine",
        ),
        kn.Recipe(loss="balanced_softmax", correction="retrain_classifier", optimizer="sgd"),
    ]
    keras.utils.set_random_seed(1)
    start = small()
    l2_sp(start, 1e-3)
    for recipe in recipes:
        data = (IMAGES, LABELS)
        run = kn.fit(recipe, start, data, data, 2, batch_size=16, seed=0, verbose=0)
        digest = hashlib.sha256()
        for weight in run.model.get_weights():
            digest.update(weight.tobytes())
        print(digest.hexdigest())
