"""Activations of Keras 2 and TensorFlow Addons that Keras 3 computes otherwise."""

import warnings
from collections.abc import Iterable

import keras
from keras import ops

from kerasnorm._types import Tensor
from kerasnorm._validation import listed


@keras.saving.register_keras_serializable(package="kerasnorm")
def gelu_tanh(x: Tensor) -> Tensor:
    """Returns TensorFlow Addons' GELU, with the tanh; Keras' default is without.

        y = 0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))

    Args:
        x: tensor of floats, of any shape.

    Returns:
        A tensor of the shape and dtype of x.

    Example:

    >>> round(float(gelu_tanh(keras.ops.ones(()))), 4)
    0.8412
    """
    return keras.activations.gelu(x, approximate=True)


@keras.saving.register_keras_serializable(package="kerasnorm")
def hard_sigmoid_of_keras_2(x: Tensor) -> Tensor:
    """Returns Keras 2's hard sigmoid, 0.2·x + 0.5 between 0 and 1; the slope of Keras 3's is 1/6.

    For models that are built again and get weights of Keras 2: give it for `activation` or
    `recurrent_activation`.

    Args:
        x: tensor of floats, of any shape.

    Returns:
        A tensor of the shape and dtype of x.

    Example:

    >>> round(float(hard_sigmoid_of_keras_2(keras.ops.ones(()))), 4)
    0.7
    """
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


@keras.saving.register_keras_serializable(package="kerasnorm")
def sparsemax(x: Tensor) -> Tensor:
    """Returns the nearest probabilities to x along the last axis; many are 0.

    Keras 3.15's own do not add up to 1.

        y = max(x − τ, 0), τ such that Σ y = 1

    Args:
        x: tensor of floats; its last axis has a known size.

    Returns:
        A tensor of the shape and dtype of x.

    Example:

    >>> keras.ops.convert_to_numpy(sparsemax(keras.ops.array([[0.5, 0.3, -2.0]]))).round(4)
    array([[0.6, 0.4, 0. ]], dtype=float32)

    Reference:
        Martins and Astudillo, 2016, https://arxiv.org/abs/1602.02068
    """
    x = x - ops.max(x, axis=-1, keepdims=True)
    ordered = -ops.sort(-x, axis=-1)
    thresholds = (ops.cumsum(ordered, axis=-1) - 1) / ops.arange(1, x.shape[-1] + 1, dtype=x.dtype)
    # τ is the largest of them: each support adds what lies above its threshold
    return ops.relu(x - ops.max(thresholds, axis=-1, keepdims=True))


_OTHERS = {
    "hard_sigmoid": hard_sigmoid_of_keras_2,
    "sparsemax": sparsemax,
}


def warn_of_others(layers: Iterable[tuple[str, keras.Layer]]) -> None:
    """Warns of layers with an activation of Keras 3 that computed another thing in Keras 2.

    Args:
        layers: paths and layers of a model that was built again.
    """
    others = {id(getattr(keras.activations, name, None)): name for name in _OTHERS}
    found: dict[str, list[str]] = {}
    for path, layer in layers:
        for attribute in ("activation", "recurrent_activation"):
            name = others.get(id(getattr(layer, attribute, None)))
            told = found.setdefault(name, []) if name else []
            if name and not {path, path.rpartition("/")[0]} & {*told}:  # a cell is its layer's
                told.append(path)
    for name, paths in found.items():
        warnings.warn(
            f"Layers {listed(paths, most=5)} have Keras 3's '{name}', which computes another thing "
            f"than in the old model: build them with `kerasnorm.migrate.{_OTHERS[name].__name__}`.",
            stacklevel=3,
        )
