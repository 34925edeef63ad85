from typing import Any

import keras
from keras import ops

from kerasnorm._validation import as_int


@keras.saving.register_keras_serializable(package="kerasnorm")
class CosineDense(keras.layers.Layer):
    """Last layer of a classifier that returns cosines: x · w / (‖x‖ ‖w‖), without a bias.

    In a plain Dense layer rare classes get short weight vectors; here the length has no effect,
    and margins between the classes, as in `LDAM`, have a unit. Computed in float32 or wider. An
    example of zeros gives zeros.

    Args:
        units: K, the number of classes.
        kernel_initializer: Initializer of the weights (D, K). Defaults to "glorot_uniform".
        kernel_regularizer: Regularizer of the weights. Defaults to None.
        **kwargs: Arguments of `keras.layers.Layer`.

    Input shape: (N, ..., D). Output shape: (N, ..., K), in [−1, 1].

    Raises:
        ValueError: For units below 1, or inputs whose last axis is not known.

    Example:

    >>> layer = CosineDense(2, kernel_initializer="identity")
    >>> y = layer(keras.ops.convert_to_tensor([[300.0, 400.0]]))
    >>> keras.ops.convert_to_numpy(y).round(2)
    array([[0.6, 0.8]], dtype=float32)

    See also:
        `kerasnorm.imbalance.losses.LDAM`, the loss to use with it.

    Reference:
        Cao et al., 2019, Learning imbalanced datasets with label-distribution-aware margin loss,
        https://arxiv.org/abs/1906.07413 (the authors' `NormedLinear`)
    """

    def __init__(
        self,
        units: int,
        kernel_initializer: Any = "glorot_uniform",
        kernel_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = as_int("units", units, low=1)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.supports_masking = True

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        if input_shape[-1] is None:
            raise ValueError(
                "The last axis of the inputs of CosineDense should be known. "
                f"Received: input_shape={input_shape}."
            )
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            name="kernel",
        )

    def call(self, inputs: Any) -> Any:
        dtype = keras.backend.result_type(self.compute_dtype, "float32")
        x, kernel = ops.cast(inputs, dtype), ops.cast(self.kernel, dtype)
        cosines = ops.matmul(_unit(x, axis=-1), _unit(kernel, axis=0))
        return ops.cast(cosines, self.compute_dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        own = {
            "units": self.units,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }
        return {**super().get_config(), **own}


def _unit(vectors: Any, axis: int) -> Any:
    """Returns vectors of length 1, or zeros for zeros, without overflow of the squares."""
    largest = ops.stop_gradient(ops.max(ops.abs(vectors), axis=axis, keepdims=True))
    vectors = vectors / ops.where(ops.greater(largest, 0), largest, 1)
    squares = ops.sum(ops.square(vectors), axis=axis, keepdims=True)
    return vectors * ops.rsqrt(ops.where(ops.greater(squares, 0), squares, 1))
