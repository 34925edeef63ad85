"""Trainings that must not depend on how their batches are divided: models, losses, optimizers."""

import keras
import numpy as np
from keras_versions import PENALTIES_ARE_MEANS

from kerasnorm.normalization import SyncBatchNormalization
from kerasnorm.transfer import LayerwiseLearningRate

SIZE, CLASSES = 19, 3  # in batches of 16: replicas of 8 and 8, then of 2 and 1
BATCH, EPOCHS = 16, 2
Crossentropy = keras.losses.SparseCategoricalCrossentropy


def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(SIZE, 6)).astype("float32")
    return x, rng.integers(0, CLASSES, SIZE)


def even_data():
    """32 examples, which four devices can share in batches of 16."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(32, 6)).astype("float32"), rng.integers(0, CLASSES, 32)


def sequences():
    """Of lengths 1 to 5, padded with zeros: replicas have other numbers of steps that count."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(SIZE, 5, 4)).astype("float32")
    lengths = np.sort(rng.integers(1, 6, SIZE))
    x[np.arange(5) >= lengths[:, None]] = 0
    return x, rng.integers(0, CLASSES, (SIZE, 5))


def label_maps():
    """With pixels to ignore, most of them in the first examples."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(SIZE, 4, 4, 2)).astype("float32")
    y = rng.integers(0, CLASSES, (SIZE, 4, 4))
    y[:8][rng.random((8, 4, 4)) < 0.8] = 255
    return x, y


def mlp(cls, outputs=1):
    activity = keras.regularizers.L2(0.1) if PENALTIES_ARE_MEANS else None
    inputs = keras.Input((6,))
    x = keras.layers.Dense(
        8, use_bias=False, kernel_regularizer="l2", activity_regularizer=activity
    )(inputs)
    x = keras.layers.ReLU()(SyncBatchNormalization()(x))
    ends = [keras.layers.Dense(CLASSES, name=f"end{i}")(x) for i in range(outputs)]
    return cls(inputs, ends[0] if outputs == 1 else ends)


def torch_model():
    """Returns a model for a loop of torch's."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(8), SyncBatchNormalization(), keras.layers.Dense(CLASSES)]
    return keras.Sequential([keras.Input((6,)), *layers])


def torch_loss(logits, y):
    """Returns the sum of the losses."""
    import torch

    return torch.nn.functional.cross_entropy(logits, torch.tensor(y), reduction="sum")


def recurrent(cls):
    inputs = keras.Input((5, 4))
    x = keras.layers.GRU(6, return_sequences=True)(keras.layers.Masking()(inputs))
    return cls(inputs, keras.layers.Dense(CLASSES)(x))


def pixelwise(cls):
    inputs = keras.Input((4, 4, 2))
    x = keras.layers.Dense(6, "relu")(inputs)
    return cls(inputs, keras.layers.Dense(CLASSES)(x))


def sgd(**settings):
    return lambda: keras.optimizers.SGD(0.1, **settings)


def layerwise():
    return LayerwiseLearningRate(
        keras.optimizers.Adam(0.01, global_clipnorm=0.1), {"end0": 1.0}, default=0.1
    )


def scaled():
    return keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01, clipnorm=0.1))


def squared(y_true, y_pred):
    target = keras.ops.one_hot(keras.ops.cast(y_true, "int32"), CLASSES)
    return keras.ops.square(y_pred - keras.ops.reshape(target, keras.ops.shape(y_pred)))


def weights():
    return np.random.default_rng(1).random(SIZE)


PLAIN = {"loss": lambda: Crossentropy(from_logits=True), "metrics": ["accuracy"]}
CASES = {
    "mean": {},
    "momentum": {"optimizer": sgd(momentum=0.9, nesterov=True)},
    "clipped": {"optimizer": sgd(global_clipnorm=0.1)},
    "clipped by value": {"optimizer": sgd(clipvalue=0.01)},
    "adam": {"optimizer": lambda: keras.optimizers.Adam(0.01)},
    "decay": {"optimizer": lambda: keras.optimizers.AdamW(0.01)},
    "averages": {"optimizer": lambda: keras.optimizers.Adam(0.01, use_ema=True)},
    "scaled": {"optimizer": scaled},
    "layerwise": {"optimizer": layerwise},
    "sum": {"loss": lambda: Crossentropy(from_logits=True, reduction="sum")},
    "by weights": {
        "loss": lambda: Crossentropy(from_logits=True, reduction="mean_with_sample_weight"),
        "fit": {"sample_weight": weights()},
    },
    "own function": {"loss": lambda: squared, "metrics": []},
    "named": {"loss": lambda: "sparse_categorical_crossentropy"},
    "class weights": {"fit": {"class_weight": {0: 1.0, 1: 5.0, 2: 0.5}}},
    "sample weights": {"fit": {"sample_weight": weights()}},
    "masked": {"model": recurrent, "data": sequences},
    "ignored": {
        "model": pixelwise,
        "data": label_maps,
        "loss": lambda: Crossentropy(from_logits=True, ignore_class=255),
        "metrics": [],
    },
    "two outputs": {
        "model": lambda cls: mlp(cls, outputs=2),
        "data": lambda: (data()[0], {"end0": data()[1], "end1": data()[1][::-1].copy()}),
        "loss": lambda: {
            "end0": Crossentropy(from_logits=True),
            "end1": Crossentropy(from_logits=True, reduction="sum"),
        },
        "compile": {"loss_weights": {"end0": 1.0, "end1": 0.1}},
        "metrics": {"end0": "accuracy"},
        "eager": False,  # Keras weighs the losses of several outputs otherwise there
    },
}


def alone(name, size=SIZE):
    """Returns a plain model that was trained on one device as a case says, and its logs."""
    return trained(name, keras.Model, size, run_eagerly=CASES[name].get("eager", True))


def trained(name, cls, size=SIZE, **compiling):
    """Returns a model that was trained as a case says, on so many examples, and its logs."""
    case = {"model": mlp, "data": data, "optimizer": sgd(), **PLAIN, **CASES[name]}
    keras.utils.set_random_seed(0)
    model = case["model"](cls)
    model.compile(
        case["optimizer"](),
        case["loss"](),
        metrics=case["metrics"],
        **case.get("compile", {}),
        **compiling,
    )
    (x, y), fitting = case["data"](), dict(case.get("fit", {}))
    if "sample_weight" in fitting:
        fitting["sample_weight"] = fitting["sample_weight"][:size]
    x, y = keras.tree.map_structure(lambda array: array[:size], (x, y))
    history = model.fit(x, y, BATCH, EPOCHS, 0, shuffle=False, **fitting)
    return model, history.history


def difference(found, expected):
    """Returns the largest absolute difference of two lists of arrays."""
    return max(np.abs(a - b).max() for a, b in zip(found, expected, strict=True))
