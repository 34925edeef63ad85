"""Small models and data for the tests of recipes."""

import keras
import numpy as np

from kerasnorm.normalization import BatchNormalization, ConvNormActivation


def points(counts=(24, 9, 5), seed=0):
    """Points (N, 4) around the corners of a simplex, and their classes (N,)."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    x = rng.normal(0, 0.5, (len(labels), 4)) + np.eye(4)[labels]
    return x.astype("float32"), labels


def perceptron(classes=4, activation=None):
    """A model whose tracing takes no time: stem, norm, top, head."""
    layers = [
        keras.layers.Dense(4, name="stem"),
        BatchNormalization(momentum=0.5, name="norm"),
        keras.layers.Dense(6, activation="relu", name="top"),
        keras.layers.Dense(classes, activation=activation, name="head"),
    ]
    inputs = outputs = keras.Input((4,))
    for layer in layers:
        outputs = layer(outputs)
    return keras.Model(inputs, outputs)


def images(counts=(12, 6, 4), seed=0, size=8):
    """Images (N, size, size, 1), 0 to 255, brighter by class; labels (N,)."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    noise = rng.integers(0, 60, (len(labels), size, size, 1))
    return (noise + 60 * labels[:, None, None, None]).astype("uint8"), labels


def convnet(classes=4, normalization="batch", size=8):
    """Blocks of ours on raw images: stem, top, head."""
    inputs = keras.Input((size, size, 1))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = ConvNormActivation(4, 3, normalization=normalization, name="stem")(x)
    x = ConvNormActivation(6, 3, normalization=normalization, name="top")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(classes, name="head")(x))


def weights_by_layer(model):
    """The weights of the layers that have some, as lists of arrays."""
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
