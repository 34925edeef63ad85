import math
from typing import Any

import keras
from keras import ops

from kerasnorm import backend
from kerasnorm._types import Constraint, Initializer, Regularizer, Shape, Tensor
from kerasnorm._validation import as_int
from kerasnorm.normalization._moments import mean
from kerasnorm.normalization._normalization_layer import NormalizationLayer, channel_and_positions


@keras.saving.register_keras_serializable(package="kerasnorm")
class FilterResponseNormalization(NormalizationLayer):
    """Divides each channel of each example by the root of its mean square over the positions.

    Use it in convolutional networks with small batches: the result does not depend on other
    examples, and no mean is subtracted. It is designed to be followed by `TLU` instead of ReLU,
    whose threshold is learned too.

        ν² = E[x²],  y = x / √(ν² + ε) · γ + β,  ε = `epsilon` + |learned epsilon|

    Args:
        axis: An int, the channel axis. `-1` for channels last, `1` for channels first. (TensorFlow
            Addons' `axis` is the list of the positions instead.)
        epsilon: A float above 0, added to the mean square. Defaults to 1e-6.
        center: Whether to add β. Defaults to True.
        scale: Whether to multiply by γ. Defaults to True.
        beta_initializer, gamma_initializer: Initializers of β and γ.
        beta_regularizer, gamma_regularizer: Optional regularizers.
        beta_constraint, gamma_constraint: Optional constraints.
        learned_epsilon: Whether to learn a number, 1e-4 at first, whose absolute value is added
            to `epsilon`. The layer then takes inputs of one position too, where it is a soft
            sign of x whose softness is learned. Defaults to False.
        learned_epsilon_constraint: Optional constraint. Defaults to None.
        **kwargs: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: Tensor of rank 3 or more, or of rank 2 with `learned_epsilon`; integers are cast.
        training: Bool, without effect.
        mask: Optional bools or numbers, of the input's shape without the channel axis. Positions
            where it is 0 count for no mean square and are 0 in the output.

    Input shape and output shape:
        `(N, …, C)`, or `(N, C, …)` with `axis=1`. N and the positions may vary; C may not.

    Example:

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(5, 3, size=(2, 8, 8, 4)).astype("float32")
    >>> y = keras.ops.convert_to_numpy(FilterResponseNormalization()(x))
    >>> bool(np.allclose((y**2).mean((1, 2)), 1, atol=1e-4))
    True

    Raises:
        ValueError: For an axis or epsilon out of range, an input with one position (its result
            is the sign of x, unless `learned_epsilon`), unknown or changed channels, and a mask
            that does not fit.

    See also:
        `TLU`, the activation to use after it; `GroupNormalization`.

    Reference:
        Singh and Krishnan, 2020, Filter response normalization layer,
        https://arxiv.org/abs/1911.09737
    """

    def __init__(
        self,
        axis: int = -1,
        epsilon: float = 1e-6,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Initializer = "zeros",
        gamma_initializer: Initializer = "ones",
        beta_regularizer: Regularizer = None,
        gamma_regularizer: Regularizer = None,
        beta_constraint: Constraint = None,
        gamma_constraint: Constraint = None,
        *,
        learned_epsilon: bool = False,
        learned_epsilon_constraint: Constraint = None,
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
        self.axis = as_int("axis", axis)
        self.learned_epsilon = bool(learned_epsilon)
        self.learned_epsilon_constraint = keras.constraints.get(learned_epsilon_constraint)
        self.epsilon_weight: keras.Variable | None = None

    def view(self, shape: Shape) -> backend.View:
        channel, positions = channel_and_positions(self.axis, shape)
        sizes = [shape[axis] for axis in positions]
        if not self.learned_epsilon and None not in sizes and math.prod(sizes) == 1:
            raise ValueError(
                "FilterResponseNormalization of a single position is the sign of x, whatever "
                f"its value. Received: shape={tuple(shape)}. Give `learned_epsilon=True`, as "
                "the paper does for such layers, or use LayerNormalization here."
            )
        return backend.View(positions, channel, (0, *positions))

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        if self.learned_epsilon:
            self.epsilon_weight = self.add_weight(
                name="learned_epsilon",
                shape=(1,),
                initializer=keras.initializers.Constant(1e-4),
                constraint=self.learned_epsilon_constraint,
                autocast=False,
            )

    def _normalize(
        self, x: Tensor, mask: Tensor | None, view: backend.View, training: bool | None
    ) -> tuple[Tensor, Any]:
        dtype = self._statistics_dtype(x)
        x = ops.cast(x, dtype)
        weights = None if mask is None else ops.cast(mask, dtype)
        epsilon = self.epsilon
        if self.learned_epsilon:
            epsilon = epsilon + ops.abs(ops.cast(self.epsilon_weight, dtype))
        y = x * ops.rsqrt(mean(ops.square(x), weights, view.reduced) + epsilon)
        gamma, beta = self._gamma_and_beta(view, dtype)
        y = y if gamma is None else y * gamma
        return (y if beta is None else y + beta), None

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "axis": self.axis,
            "learned_epsilon": self.learned_epsilon,
            "learned_epsilon_constraint": keras.constraints.serialize(
                self.learned_epsilon_constraint
            ),
        }
