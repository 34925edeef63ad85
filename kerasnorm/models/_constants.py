"""Replaces tensors in attributes of layers, such as the mean of `keras.layers.Normalization`."""

import contextlib
from collections.abc import Iterator

import keras

from kerasnorm.models._leaves import every_layer


@contextlib.contextmanager
def constants_as_variables(model: keras.Model) -> Iterator[None]:
    """Puts variables in the place of constants for a while: converters know what becomes of those.

    >>> layer = keras.layers.Normalization(mean=1.0, variance=4.0)
    >>> model = keras.Sequential([keras.Input((2,)), layer])
    >>> with constants_as_variables(model):
    ...     isinstance(layer.mean, keras.Variable)
    True
    >>> isinstance(layer.mean, keras.Variable)
    False
    """
    layers = [leaf.layer for leaf in every_layer(model)]
    found = [
        (layer, name, value)
        for layer in layers
        for name, value in vars(layer).items()
        if keras.ops.is_tensor(value)
    ]
    try:
        for layer, name, value in found:
            vars(layer)[name] = keras.Variable(value, trainable=False)
        yield
    finally:
        for layer, name, value in found:
            vars(layer)[name] = value
