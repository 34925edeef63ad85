"""Holds the base class of normalization layers, which add the axes to reduce over."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm import backend
from kerasnorm._types import Constraint, Initializer, Regularizer, Shape, Tensor
from kerasnorm._validation import as_int, as_number


class NormalizationLayer(keras.layers.Layer):
    """y = (x − E[x]) / √(Var[x] + ε) · γ + β over the axes that a subclass chooses in `view`.

    Statistics are computed in float32 or wider whatever the dtype policy, integer input is cast,
    and positions that the mask leaves out reach nothing: they are 0 in the output and count for
    no statistic and no gradient.
    """

    def __init__(
        self,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Initializer = "zeros",
        gamma_initializer: Initializer = "ones",
        beta_regularizer: Regularizer = None,
        gamma_regularizer: Regularizer = None,
        beta_constraint: Constraint = None,
        gamma_constraint: Constraint = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.autocast = False
        self.supports_masking = True
        self.epsilon = as_number("epsilon", epsilon, 0, interval="()")
        self.center = bool(center)
        self.scale = bool(scale)
        self.beta_initializer = keras.initializers.get(beta_initializer)
        self.gamma_initializer = keras.initializers.get(gamma_initializer)
        self.beta_regularizer = keras.regularizers.get(beta_regularizer)
        self.gamma_regularizer = keras.regularizers.get(gamma_regularizer)
        self.beta_constraint = keras.constraints.get(beta_constraint)
        self.gamma_constraint = keras.constraints.get(gamma_constraint)
        self.gamma: keras.Variable | None = None
        self.beta: keras.Variable | None = None

    def view(self, shape: Shape) -> backend.View:
        """Returns the axes of the statistics for an input shape; ValueError if it has none."""
        raise NotImplementedError(f"{type(self).__name__} should implement `view`.")

    def build(self, input_shape: Shape) -> None:
        view = self.view(input_shape)
        axes = [axis for axis in range(len(input_shape)) if axis not in view.broadcast]
        sizes = {axis: input_shape[axis] for axis in axes}
        if self.scale:
            self.gamma = self._add_parameter("gamma", input_shape, axes)
        if self.center:
            self.beta = self._add_parameter("beta", input_shape, axes)
        self.input_spec = keras.layers.InputSpec(ndim=len(input_shape), axes=sizes)

    def _add_parameter(self, name: str, input_shape: Shape, axes: Sequence[int]) -> keras.Variable:
        return self.add_weight(
            name=name,
            shape=tuple(known_size(input_shape, axis) for axis in axes),
            initializer=getattr(self, f"{name}_initializer"),
            regularizer=getattr(self, f"{name}_regularizer"),
            constraint=getattr(self, f"{name}_constraint"),
            autocast=False,
        )

    def call(
        self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None
    ) -> Tensor:
        x, mask = self._masked(inputs, mask)
        y, _ = self._normalize(x, mask, self.view(inputs.shape), training)
        return self._finish(y, mask)

    def rematerialized_call(self, layer_call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Keeps `training` and the mask what they are, where Keras would make tensors of them."""
        rematerialized = super().rematerialized_call

        def call(*args: Any, **kwargs: Any) -> Any:
            bound = functools.partial(layer_call, **kwargs)
            return rematerialized(bound, *args)(*args)

        return call

    def _masked(self, inputs: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Casts integers, and zeroes the positions left out so that NaN there reaches nothing."""
        x = ops.convert_to_tensor(inputs)
        check_real(self, x)
        if not keras.backend.is_float_dtype(x.dtype):
            x = ops.cast(x, self._statistics_dtype(x))
        if mask is None:
            return x, None
        mask = self._fit_mask(mask, x.shape)
        return ops.where(mask, x, ops.zeros((), x.dtype)), mask

    def _fit_mask(self, mask: Tensor, shape: Shape) -> Tensor:
        """Returns the mask as bools with a channel axis of 1."""
        channel = self._channel_axis(len(shape))
        check_mask_fits(mask, shape, channel)
        return ops.expand_dims(ops.cast(mask, "bool"), channel)

    def _channel_axis(self, rank: int) -> int:
        return as_axis("axis", self.axis, rank)

    def _normalize(
        self, x: Tensor, mask: Tensor | None, view: backend.View, training: bool | None, **then: Any
    ) -> tuple[Tensor, Any]:
        """Normalizes with the input's own statistics; see `backend.normalize`."""
        dtype = self._statistics_dtype(x)
        gamma, beta = self._gamma_and_beta(view, dtype)
        weights = None if mask is None else ops.cast(mask, dtype)
        settings = view, self.epsilon, dtype, training
        return backend.normalize(x, gamma, beta, weights, *settings, **then)

    def _gamma_and_beta(self, view: backend.View, dtype: str) -> tuple[Tensor | None, ...]:
        return self._broadcast((self.gamma, self.beta), view, dtype)

    def _broadcast(
        self, weights: tuple[Tensor | None, ...], view: backend.View, dtype: str
    ) -> tuple[Tensor | None, ...]:
        """Returns weights as tensors that broadcast to the input; None stays None."""
        return tuple(
            None if weight is None else ops.expand_dims(ops.cast(weight, dtype), view.broadcast)
            for weight in weights
        )

    def _finish(self, y: Tensor, mask: Tensor | None) -> Tensor:
        y = ops.cast(y, self.compute_dtype)
        return y if mask is None else ops.where(mask, y, ops.zeros((), y.dtype))

    def _statistics_dtype(self, x: Tensor) -> str:
        """Float32, or float64 where the input or the policy has it."""
        dtypes = {keras.backend.standardize_dtype(x.dtype), self.compute_dtype}
        return "float64" if "float64" in dtypes else "float32"

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.view(input_shape)
        return tuple(input_shape)

    def compute_output_spec(
        self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None
    ) -> keras.KerasTensor:
        if mask is not None:
            check_mask_fits(mask, inputs.shape, self._channel_axis(len(inputs.shape)))
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        serialize = {
            "initializer": keras.initializers.serialize,
            "regularizer": keras.regularizers.serialize,
            "constraint": keras.constraints.serialize,
        }
        config = {"epsilon": self.epsilon, "center": self.center, "scale": self.scale}
        for parameter in ("beta", "gamma"):
            for kind, function in serialize.items():
                name = f"{parameter}_{kind}"
                config[name] = function(getattr(self, name))
        return {**super().get_config(), **config}


def as_axis(name: str, axis: Any, rank: int) -> int:
    """Returns an axis of an example counted from 0, the batch axis included but not allowed."""
    axis = as_int(name, axis)
    if not -rank < axis < rank or axis == 0:
        raise ValueError(
            f"`{name}` should be one of the axes of an example, in [{1 - rank}, -1] or "
            f"[1, {rank - 1}], for an input of rank {rank} (axis 0 is the batch). "
            f"Received: {name}={axis}."
        )
    return axis % rank


def known_size(shape: Shape, axis: int) -> int:
    """Returns the size of an axis that a layer needs to know when it is built."""
    size = shape[axis]
    if size is None:
        raise ValueError(
            f"Axis {axis} of the input should have a known size when the layer is built. "
            f"Received: shape={tuple(shape)}. Give it in `keras.Input(shape=…)`."
        )
    return size


def channel_and_positions(axis: int, shape: Shape) -> tuple[int, tuple[int, ...]]:
    """Returns the channel axis, counted from 0, and the axes that are not it or the batch's."""
    channel = as_axis("axis", axis, len(shape))
    known_size(shape, channel)
    return channel, tuple(axis for axis in range(1, len(shape)) if axis != channel)


def check_more_than_one(
    layer: keras.layers.Layer, shape: Shape, sizes: Sequence[int | None], remedy: str
) -> None:
    """Raises where each statistic would rest on one value, so that the output is β whatever x."""
    if None not in sizes and math.prod(sizes) == 1:
        raise ValueError(
            f"{type(layer).__name__} would compute each mean from a single value of the input, "
            f"and return β whatever it is given. Received: shape={tuple(shape)}. {remedy}"
        )


def check_real(layer: keras.layers.Layer, x: Tensor) -> None:
    """Raises for complex numbers, whose imaginary part a cast would drop."""
    if "complex" in str(x.dtype):
        raise ValueError(
            f"{type(layer).__name__} takes real numbers. Received: dtype={x.dtype}. Give it the "
            "real and the imaginary part as channels of their own."
        )


def check_mask_fits(mask: Tensor, shape: Shape, channel: int) -> None:
    """Raises unless the mask has the input's shape without the channel axis."""
    expected = tuple(size for axis, size in enumerate(shape) if axis != channel)
    received = tuple(np.shape(mask))  # of nested lists too
    fits = len(received) == len(expected) and all(
        None in pair or pair[0] == pair[1] for pair in zip(received, expected, strict=True)
    )
    if not fits:
        raise ValueError(
            "`mask` should have the input's shape without the channel axis, "
            f"{expected}. Received: mask.shape={received} for an input of shape {tuple(shape)} "
            f"whose channel axis is {channel}."
        )
