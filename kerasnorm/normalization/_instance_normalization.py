from typing import Any

import keras

from kerasnorm import backend
from kerasnorm._types import Constraint, Initializer, Regularizer, Shape
from kerasnorm._validation import as_int
from kerasnorm.normalization._normalization_layer import channel_and_positions, check_more_than_one
from kerasnorm.normalization._tracked_normalization import TrackedNormalization


@keras.saving.register_keras_serializable(package="kerasnorm")
class InstanceNormalization(TrackedNormalization):
    """Normalizes each channel of each example over its positions.

    Use it for stylization and image generation, where the contrast of an image should have no
    effect: the output does not change when a channel is multiplied by a positive number or shifted.
    It is `GroupNormalization` with one group per channel. With `track_statistics=True` running
    estimates, the mean over the instances, replace the statistics at inference (as in PyTorch).

        y = (x − E[x]) / √(Var[x] + ε) · γ + β

    Args:
        axis: An int, the channel axis. `-1` for channels last, `1` for channels first.
            Defaults to -1.
        epsilon: A float above 0, added to the variance. Defaults to 0.001.
        center: Whether to add β. Defaults to True.
        scale: Whether to multiply by γ. Defaults to True.
        beta_initializer, gamma_initializer: Initializers of β and γ.
        beta_regularizer, gamma_regularizer: Optional regularizers.
        beta_constraint, gamma_constraint: Optional constraints.
        track_statistics: Whether to keep running estimates and use them at inference.
            Defaults to False.
        momentum: A float in [0, 1), of the running estimates. PyTorch's momentum is 1 − this one.
            Defaults to 0.99.
        moving_mean_initializer, moving_variance_initializer: Initializers of the estimates.
        unbiased: Whether the running variance is Var · n/(n−1), as PyTorch's is. Defaults to False.
        **kwargs: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: Tensor of rank 3 or more; integers are cast.
        training: Bool; it matters only with `track_statistics=True`.
        mask: Optional bools or numbers, of the input's shape without the channel axis. Positions
            where it is 0 count for no statistic and are 0 in the output.

    Input shape and output shape:
        `(N, …, C)`, or `(N, C, …)` with `axis=1`. N and the positions may vary; C may not.

    Example:

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    >>> layer = InstanceNormalization(epsilon=1e-6)
    >>> y, contrasted = (keras.ops.convert_to_numpy(layer(z)) for z in (x, 3 * x + 2))
    >>> bool(np.allclose(y, contrasted, atol=1e-4))
    True

    Raises:
        ValueError: For an axis or epsilon out of range, an input without positions or with only
            one, unknown or changed channels, and a mask that does not fit.

    See also:
        `GroupNormalization`; `ConditionalInstanceNormalization` and
        `AdaptiveInstanceNormalization`, for styles.

    Reference:
        Ulyanov, Vedaldi and Lempitsky, 2016, Instance normalization,
        https://arxiv.org/abs/1607.08022
    """

    def __init__(
        self,
        axis: int = -1,
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
        track_statistics: bool = False,
        momentum: float = 0.99,
        moving_mean_initializer: Initializer = "zeros",
        moving_variance_initializer: Initializer = "ones",
        unbiased: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            momentum=momentum,
            epsilon=epsilon,
            center=center,
            scale=scale,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            moving_mean_initializer=moving_mean_initializer,
            moving_variance_initializer=moving_variance_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
            unbiased=unbiased,
            track_statistics=track_statistics,
            **kwargs,
        )
        self.axis = as_int("axis", axis)

    def view(self, shape: Shape) -> backend.View:
        channel, positions = channel_and_positions(self.axis, shape)
        remedy = "Use LayerNormalization or GroupNormalization with larger groups here."
        check_more_than_one(self, shape, [shape[axis] for axis in positions], remedy)
        return backend.View(positions, channel, (0, *positions))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}
