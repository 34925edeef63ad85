"""Provides activations of Keras 2 and TensorFlow Addons that differ in Keras 3."""

import warnings
from collections.abc import Iterable

import keras
from keras import ops

from kerasnorm._types import Tensor
from kerasnorm._validation import listed


@keras.saving.register_keras_serializable(package="kerasnorm")
def gelu_tanh(x: Tensor) -> Tensor:
    """Computes the GELU of TensorFlow Addons, with the tanh approximation.

        y = 0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))

    Args:
        x: Tensor of floats, of any shape.

    Returns:
        A tensor of the shape and dtype of x.

    Example:

    >>> round(float(gelu_tanh(keras.ops.ones(()))), 4)
    0.8412

    See also:
        `load_tfa_model`, which uses it for old files; `keras.activations.gelu`.
    """
    return keras.activations.gelu(x, approximate=True)


@keras.saving.register_keras_serializable(package="kerasnorm")
def hard_sigmoid_of_keras_2(x: Tensor) -> Tensor:
    """Computes the hard sigmoid of Keras 2: 0.2·x + 0.5, clipped to 0 and 1.

    Its slope is 1/6 in Keras 3. Pass it as `activation` or `recurrent_activation` in models that
    you rebuild for weights of Keras 2.

    Args:
        x: Tensor of floats, of any shape.

    Returns:
        A tensor of the shape and dtype of x.

    Example:

    >>> round(float(hard_sigmoid_of_keras_2(keras.ops.ones(()))), 4)
    0.7

    See also:
        `load_tfa_model`, which uses it for old files; `keras.activations.hard_sigmoid`.
    """
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


@keras.saving.register_keras_serializable(package="kerasnorm")
def sparsemax(x: Tensor) -> Tensor:
    """Projects x onto the probabilities along the last axis, many of which are 0.

    Keras 3.15's own sparsemax does not sum to 1.

        y = max(x − τ, 0), τ such that Σ y = 1

    Args:
        x: Tensor of floats; its last axis has a known size.

    Returns:
        A tensor of the shape and dtype of x.

    Example:

    >>> keras.ops.convert_to_numpy(sparsemax(keras.ops.array([[0.5, 0.3, -2.0]]))).round(4)
    array([[0.6, 0.4, 0. ]], dtype=float32)

    See also:
        `load_tfa_model`, which uses it for old files; `keras.activations.sparsemax`.

    Reference:
        Martins and Astudillo, 2016, From softmax to sparsemax, https://arxiv.org/abs/1602.02068
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
    """Warns of layers with an activation that differs between Keras 2 and Keras 3.

    Args:
        layers: Paths and layers of a model that was built again.
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
            f"Layers {listed(paths, most=5)} have Keras 3's '{name}', which differs "
            f"from the old model: build them with `kerasnorm.migrate.{_OTHERS[name].__name__}`.",
            stacklevel=3,
        )
