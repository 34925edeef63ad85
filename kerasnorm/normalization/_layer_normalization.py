from collections.abc import Sequence
from typing import Any

import keras

from kerasnorm import backend
from kerasnorm._types import Constraint, Initializer, Regularizer, Shape
from kerasnorm._validation import as_int
from kerasnorm.normalization._normalization_layer import (
    NormalizationLayer,
    as_axis,
    check_more_than_one,
)


@keras.saving.register_keras_serializable(package="kerasnorm")
class LayerNormalization(NormalizationLayer):
    """Normalizes each example over the axes you choose; γ and β have the size of those axes.

    Use it in recurrent networks and transformers (over the last axis, each step separately), and
    wherever the batch is small or the result should not depend on other examples.

        y = (x − E[x]) / √(Var[x] + ε) · γ + β

    Args:
        axis: An int, or list or tuple of ints: the axes to normalize over, in any order. γ and β
            have their sizes in the order of the input's axes. Defaults to -1.
        epsilon: A float above 0, added to the variance. Defaults to 0.001.
        center: Whether to add β. Defaults to True.
        scale: Whether to multiply by γ. Defaults to True.
        beta_initializer, gamma_initializer: Initializers of β and γ.
        beta_regularizer, gamma_regularizer: Optional regularizers.
        beta_constraint, gamma_constraint: Optional constraints.
        normalized_shape: Optional int, list or tuple of ints: the sizes of the last axes, which
            are then normalized over (as in PyTorch). In place of `axis`. Defaults to None.
        **kwargs: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: Tensor of rank 2 or more; integers are cast.
        training: Bool, without effect.
        mask: Optional bools or numbers, of the input's shape without its last axis. Positions
            where it is 0 count for no statistic and are 0 in the output.

    Input shape and output shape:
        Any. Sizes of the normalized axes must be known when the layer is built and stay, but
        with `center=False, scale=False` every size may vary.

    Example:

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(5, 3, size=(2, 10, 16)).astype("float32")
    >>> y = keras.ops.convert_to_numpy(LayerNormalization(axis=-1)(x))
    >>> bool(np.allclose(y.mean(-1), 0, atol=1e-5))
    True

    Raises:
        ValueError: For axes out of range, repeated or not ints, one value in all of them, an
            epsilon out of range, unknown or changed sizes, and a mask that does not fit.

    See also:
        `GroupNormalization` and `InstanceNormalization`, over fewer axes; `LayerNormLSTMCell`.

    Reference:
        Ba, Kiros and Hinton, 2016, Layer normalization, https://arxiv.org/abs/1607.06450
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Initializer = "zeros",
        gamma_initializer: Initializer = "ones",
        beta_regularizer: Regularizer = None,
        gamma_regularizer: Regularizer = None,
        beta_constraint: Constraint = None,
        gamma_constraint: Constraint = None,
        *,
        normalized_shape: int | Sequence[int] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            epsilon=epsilon,
            center=center,
            scale=scale,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
            **kwargs,
        )
        self.axis = _as_ints("axis", axis)
        self.normalized_shape = None
        if normalized_shape is not None:
            self.normalized_shape = _as_ints("normalized_shape", normalized_shape)
            if self.axis != -1:
                raise ValueError(
                    "Give either `axis` or `normalized_shape`. "
                    f"Received: axis={axis}, normalized_shape={normalized_shape}."
                )

    def view(self, shape: Shape) -> backend.View:
        rank = len(shape)
        axes = self._axes(shape)
        sizes = [shape[axis] for axis in axes]
        check_more_than_one(self, shape, sizes, "Normalize over more axes here.")
        broadcast = tuple(axis for axis in range(rank) if axis not in axes)
        return backend.View(axes, rank - 1, broadcast)

    def _axes(self, shape: Shape) -> tuple[int, ...]:
        """Returns the normalized axes, counted from 0 and in order."""
        rank = len(shape)
        if self.normalized_shape is not None:
            sizes = _as_list(self.normalized_shape)
            if rank <= len(sizes) or list(shape[rank - len(sizes) :]) != sizes:
                raise ValueError(
                    "The last axes of the input should have the sizes `normalized_shape`. "
                    f"Received: shape={tuple(shape)}, normalized_shape={self.normalized_shape}."
                )
            return tuple(range(rank - len(sizes), rank))
        axes = sorted(as_axis("axis", axis, rank) for axis in _as_list(self.axis))
        if len({*axes}) < len(axes):
            raise ValueError(
                f"`axis` should name each axis once. Received: axis={self.axis} "
                f"for an input of rank {rank}."
            )
        return tuple(axes)

    def _channel_axis(self, rank: int) -> int:
        return rank - 1

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        # The same layer serves inputs of any rank, such as a step and a sequence of steps.
        if self.axis == -1:
            size = input_shape[-1]
            self.input_spec = keras.layers.InputSpec(min_ndim=2, axes={-1: size})

    def get_config(self) -> dict[str, Any]:
        # JSON has no tuples: the configuration is the same before and after a file.
        chosen = {"axis": self.axis, "normalized_shape": self.normalized_shape}
        lists = {k: list(v) if isinstance(v, tuple) else v for k, v in chosen.items()}
        return {**super().get_config(), **lists}


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _as_ints(name: str, value: Any) -> Any:
    """Returns an int, or a non-empty list or tuple of ints, of the type that came."""
    if not isinstance(value, (list, tuple)):
        return as_int(name, value)
    if not value:
        raise ValueError(f"`{name}` should name at least one. Received: {name}={value!r}.")
    return type(value)(as_int(name, item) for item in value)
