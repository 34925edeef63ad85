from typing import Any

import keras
from keras import ops

from kerasnorm._types import Constraint, Initializer, Regularizer, Shape, Tensor
from kerasnorm._validation import as_int
from kerasnorm.normalization._normalization_layer import as_axis, check_mask_fits, known_size


@keras.saving.register_keras_serializable(package="kerasnorm")
class TLU(keras.layers.Layer):
    """Thresholded linear unit: a ReLU whose threshold is learned, one per channel.

    Use it after `FilterResponseNormalization`, which subtracts no mean, so that its output may be
    far from 0, where ReLU has its threshold.

        y = max(x, τ), and y = max(x, α·x + τ) if affine

    Args:
        axis: An int, the channel axis. `-1` for channels last, `1` for channels first.
            Defaults to -1.
        affine: Whether to learn the slope α below the threshold too. Defaults to False.
        tau_initializer, alpha_initializer: Initializers of τ and α.
        tau_regularizer, alpha_regularizer: Optional regularizers.
        tau_constraint, alpha_constraint: Optional constraints.
        **kwargs: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: Tensor of rank 2 or more; integers are cast.
        mask: Optional bools or numbers, of the input's shape without the channel axis. Positions
            where it is 0 are 0 in the output and count for no gradient.

    Input shape and output shape:
        `(N, …, C)`, or `(N, C, …)` with `axis=1`. N and the positions may vary; C may not.

    Example:

    >>> import numpy as np
    >>> layer = TLU(tau_initializer=keras.initializers.Constant(-1.0))
    >>> keras.ops.convert_to_numpy(layer(np.array([[-3.0, -0.5, 2.0]], "float32"))).tolist()
    [[-1.0, -0.5, 2.0]]

    Raises:
        ValueError: For an axis out of range, unknown or changed channels, and a mask that does
            not fit.

    See also:
        `FilterResponseNormalization`, which it follows.

    Reference:
        Singh and Krishnan, 2020, Filter response normalization layer,
        https://arxiv.org/abs/1911.09737
    """

    def __init__(
        self,
        axis: int = -1,
        affine: bool = False,
        tau_initializer: Initializer = "zeros",
        tau_regularizer: Regularizer = None,
        tau_constraint: Constraint = None,
        alpha_initializer: Initializer = "zeros",
        alpha_regularizer: Regularizer = None,
        alpha_constraint: Constraint = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.axis = as_int("axis", axis)
        self.affine = bool(affine)
        self.tau_initializer = keras.initializers.get(tau_initializer)
        self.tau_regularizer = keras.regularizers.get(tau_regularizer)
        self.tau_constraint = keras.constraints.get(tau_constraint)
        self.alpha_initializer = keras.initializers.get(alpha_initializer)
        self.alpha_regularizer = keras.regularizers.get(alpha_regularizer)
        self.alpha_constraint = keras.constraints.get(alpha_constraint)
        self.tau: keras.Variable | None = None
        self.alpha: keras.Variable | None = None

    def build(self, input_shape: Shape) -> None:
        channel = as_axis("axis", self.axis, len(input_shape))
        channels = known_size(input_shape, channel)
        self.tau = self._add_parameter("tau", (channels,))
        if self.affine:
            self.alpha = self._add_parameter("alpha", (channels,))
        self.input_spec = keras.layers.InputSpec(ndim=len(input_shape), axes={channel: channels})

    def _add_parameter(self, name: str, shape: tuple[int, ...]) -> keras.Variable:
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=getattr(self, f"{name}_initializer"),
            regularizer=getattr(self, f"{name}_regularizer"),
            constraint=getattr(self, f"{name}_constraint"),
        )

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        x = ops.cast(inputs, self.compute_dtype)
        rank = len(x.shape)
        channel = as_axis("axis", self.axis, rank)
        if mask is not None:
            check_mask_fits(mask, x.shape, channel)
            mask = ops.expand_dims(ops.cast(mask, "bool"), channel)
            x = ops.where(mask, x, ops.zeros((), x.dtype))
        y = self._above_threshold(x, tuple(axis for axis in range(rank) if axis != channel))
        return y if mask is None else ops.where(mask, y, ops.zeros((), y.dtype))

    def _above_threshold(self, x: Tensor, others: tuple[int, ...]) -> Tensor:
        """Returns max(x, α·x + τ), with α and τ the same along the other axes."""
        floor = ops.expand_dims(ops.cast(self.tau, x.dtype), others)
        if self.affine:
            floor = floor + ops.expand_dims(ops.cast(self.alpha, x.dtype), others) * x
        return ops.maximum(x, floor)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        as_axis("axis", self.axis, len(input_shape))
        return tuple(input_shape)

    def compute_output_spec(self, inputs: Tensor, mask: Tensor | None = None) -> keras.KerasTensor:
        shape = self.compute_output_shape(inputs.shape)
        if mask is not None:
            check_mask_fits(mask, shape, as_axis("axis", self.axis, len(shape)))
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        serialize = {
            "initializer": keras.initializers.serialize,
            "regularizer": keras.regularizers.serialize,
            "constraint": keras.constraints.serialize,
        }
        config = {"axis": self.axis, "affine": self.affine}
        for parameter in ("tau", "alpha"):
            for kind, function in serialize.items():
                name = f"{parameter}_{kind}"
                config[name] = function(getattr(self, name))
        return {**super().get_config(), **config}
