"""Builds the small network between an encoder's features and a task's predictions."""

import math

import keras
from keras import layers

from kerasnorm._types import Tensor

Shape = tuple[int, ...]

_WIDTH = 32
_SMALL = 4  # maps of at most this size are read as a whole, with what is where
_COARSE = 8  # by how much less detail a map is begun from a vector


def default_head(features: Shape, predictions: Shape) -> keras.Model:
    """Builds a small head of two to four layers: about 20,000 parameters for maps of 32 channels.

    Taskonomy uses such heads: a shallow network shows what the features make easy, a deep one what
    could be learned without them.

    Args:
        features: Shape of the features without N: `(d,)`, or `(h, w, c)`.
        predictions: Shape of the predictions without N: `(D,)`, or `(H, W, C)`. They are logits or
            numbers, of no activation, in float32.

    Returns:
        A model that is not compiled.

    Example:

    >>> default_head((6, 6, 16), (24, 24, 3)).output_shape
    (None, 24, 24, 3)

    See also:
        `TaskAffinity`, which uses it; `Task`, to give another.

    Reference:
        Zamir et al., 2018, Taskonomy: disentangling task transfer learning,
        https://arxiv.org/abs/1804.08328
    """
    inputs = keras.Input(features)
    x = _to_map(inputs, predictions) if len(predictions) == 3 else _to_vector(inputs, predictions)
    return keras.Model(inputs, x)


def _to_vector(x: Tensor, predictions: Shape) -> Tensor:
    while len(x.shape) == 4 and max(x.shape[1:3]) > _SMALL:
        x = _convolution(strides=2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(_WIDTH, activation="relu")(x)
    return layers.Dense(*predictions, dtype="float32")(x)


def _to_map(x: Tensor, predictions: Shape) -> Tensor:
    height, width, channels = predictions
    if len(x.shape) == 2:
        coarse = math.ceil(height / _COARSE), math.ceil(width / _COARSE), _WIDTH
        x = layers.Reshape(coarse)(layers.Dense(math.prod(coarse), activation="relu")(x))
    x = _convolution()(x)
    factors = math.ceil(height / x.shape[1]), math.ceil(width / x.shape[2])
    x = layers.Conv2DTranspose(
        _WIDTH // 2, factors, factors, activation="relu", data_format="channels_last"
    )(x)
    if x.shape[1:3] != (height, width):
        x = layers.Resizing(height, width, data_format="channels_last")(x)
    last = {"padding": "same", "data_format": "channels_last", "dtype": "float32"}
    return layers.Conv2D(channels, 3, **last)(x)


def _convolution(strides: int = 1) -> keras.Layer:
    return layers.Conv2D(
        _WIDTH, 3, strides, padding="same", activation="relu", data_format="channels_last"
    )
