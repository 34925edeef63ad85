"""Holds a layer under test: how to make it, what it is given and what it should return."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops


@dataclasses.dataclass(frozen=True)
class Subject:
    """A layer under test; the attributes are the arguments of `check_layer`."""

    make: Callable[..., keras.layers.Layer]
    input_shape: tuple[int, ...]
    arguments: dict[str, Any]
    expected: Callable[..., Any] | None
    mask: bool
    values: Callable[[tuple[int, ...]], Any]
    dynamic_axes: tuple[int, ...]
    policies: dict[str, float]
    training: bool
    tolerance: float

    def layer(self, **kwargs) -> keras.layers.Layer:
        """Returns a new layer."""
        return self.make(**{**self.arguments, **kwargs})

    def built(self, **kwargs) -> keras.layers.Layer:
        """Returns a new layer that has its weights."""
        layer = self.layer(**kwargs)
        layer.build(self.input_shape)
        return layer

    def inputs(self, shape=None) -> np.ndarray:
        """Returns float32 input, the same each time."""
        return np.asarray(self.values(shape or self.input_shape), "float32")

    def mask_of(self, shape=None) -> np.ndarray:
        """Returns a mask that leaves out a part of each example and the whole of the second."""
        mask = np.random.default_rng(1).random((shape or self.input_shape)[:-1]) > 0.3
        mask[1:2] = False
        return mask

    def run(self, layer, x, **kwargs) -> np.ndarray:
        """Returns what a layer computes, as float64."""
        return as_array(layer(x, training=self.training, **kwargs))

    def wanted(self, x, **kwargs) -> np.ndarray:
        """Returns what the layer should compute: by `expected`, or by a new layer in float32."""
        if self.expected is not None:
            return np.asarray(self.expected(x, **kwargs), "float64")
        return self.run(self.built(), np.asarray(x, "float32"), **kwargs)


def has_float64() -> bool:
    """Returns whether the backend computes in float64; JAX does where it is asked to."""
    return keras.backend.standardize_dtype(ops.convert_to_tensor(np.zeros(1)).dtype) == "float64"


def as_array(tensor) -> np.ndarray:
    """Returns a tensor of any dtype as a float64 array."""
    return ops.convert_to_numpy(ops.cast(tensor, "float32")).astype("float64")


def require(condition: bool, message: str) -> None:
    """Raises AssertionError unless the condition holds."""
    if not condition:
        raise AssertionError(message)


def require_equal(received, expected, what: str) -> None:
    """Raises AssertionError unless two values are the same."""
    require(received == expected, f"{what} should be {expected!r}. Received: {received!r}.")


def require_close(received, expected, tolerance: float, what: str) -> None:
    """Raises AssertionError unless two arrays have one shape and differ by the tolerance at most.

    NaN is close to nothing.
    """
    require_equal(tuple(received.shape), tuple(np.shape(expected)), f"The shape of {what}")
    difference = np.abs(received - expected).max(initial=0.0)
    require(
        bool(difference <= tolerance),
        f"{what} should be within {tolerance:g} of what is expected. Received: a difference of "
        f"{difference:.3g}.",
    )
