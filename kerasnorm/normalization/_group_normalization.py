from typing import Any

import keras

from kerasnorm import backend
from kerasnorm._types import Constraint, Initializer, Regularizer, Shape
from kerasnorm._validation import as_int
from kerasnorm.normalization._normalization_layer import (
    NormalizationLayer,
    channel_and_positions,
    check_more_than_one,
    known_size,
)


@keras.saving.register_keras_serializable(package="kerasnorm")
class GroupNormalization(NormalizationLayer):
    """Normalizes each example over its positions and the channels of a group.

    Use it with small batches, where the statistics of batch normalization are too noisy: the result
    does not depend on the batch. With one group per channel it is `InstanceNormalization`, with a
    single group `LayerNormalization` over positions and channels (except for the shape of γ and β).

        y = (x − E[x]) / √(Var[x] + ε) · γ + β

    Args:
        groups: An int that divides the number of channels, or `-1` for one group per channel.
            Defaults to 32.
        axis: An int, the channel axis. `-1` for channels last, `1` for channels first.
            Defaults to -1.
        epsilon: A float above 0, added to the variance. Defaults to 0.001.
        center: Whether to add β. Defaults to True.
        scale: Whether to multiply by γ. Defaults to True.
        beta_initializer, gamma_initializer: Initializers of β and γ.
        beta_regularizer, gamma_regularizer: Optional regularizers.
        beta_constraint, gamma_constraint: Optional constraints.
        group_size: Number of channels per group, an int that divides the number of channels; use it
            instead of `groups`. Defaults to None. Defaults to None.
        **kwargs: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: Tensor of rank 2 or more; integers are cast.
        training: Bool, without effect.
        mask: Optional bools or numbers, of the input's shape without the channel axis. Positions
            where it is 0 count for no statistic and are 0 in the output.

    Input shape and output shape:
        `(N, …, C)`, or `(N, C, …)` with `axis=1`. N and the positions may vary; C may not.

    Example:

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(5, 3, size=(2, 8, 8, 6)).astype("float32")
    >>> y = keras.ops.convert_to_numpy(GroupNormalization(groups=2)(x))
    >>> bool(abs(y[0, ..., :3].mean()) < 1e-5 and abs(y[0, ..., :3].std() - 1) < 1e-3)
    True

    Raises:
        ValueError: For groups that do not divide the channels, one value per group, an axis or
            epsilon out of range, unknown or changed channels, and a mask that does not fit.

    See also:
        `InstanceNormalization` and `LayerNormalization`, its two extremes; `WeightStandardization`,
        for the convolution before it; `kerasnorm.surgery.replace_normalization`.

    Reference:
        Wu and He, 2018, Group normalization, https://arxiv.org/abs/1803.08494
    """

    def __init__(
        self,
        groups: int = 32,
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
        group_size: int | None = None,
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
        self.groups = as_int("groups", groups)
        self.group_size = None if group_size is None else as_int("group_size", group_size)
        self.axis = as_int("axis", axis)
        if self.groups < 1 and self.groups != -1:
            raise ValueError(
                "`groups` should be at least 1, or -1 for one group per channel. "
                f"Received: groups={groups}."
            )
        if self.group_size is not None and self.group_size < 1:
            raise ValueError(
                f"`group_size` should be at least 1. Received: group_size={group_size}."
            )
        if self.group_size is not None and self.groups != 32:
            raise ValueError(
                "Give either `groups` or `group_size`. "
                f"Received: groups={groups}, group_size={group_size}."
            )

    def view(self, shape: Shape) -> backend.View:
        channel, positions = channel_and_positions(self.axis, shape)
        channels = known_size(shape, channel)
        groups = self._count_groups(channels)
        sizes = [shape[axis] for axis in positions] + [channels // groups]
        check_more_than_one(self, shape, sizes, "Use fewer groups, or LayerNormalization, here.")
        shared = None if groups == channels else groups
        return backend.View(positions, channel, (0, *positions), shared)

    def _count_groups(self, channels: int) -> int:
        if self.group_size is not None:
            groups, rest = divmod(channels, self.group_size)
            given = f"group_size={self.group_size}"
        else:
            groups = channels if self.groups == -1 else self.groups
            rest = channels % groups
            given = f"groups={self.groups}"
        if rest:
            divisors = [n for n in range(1, channels + 1) if channels % n == 0]
            raise ValueError(
                f"{channels} channels cannot be divided evenly by {given}. "
                f"Choose one of the divisors of {channels}: {', '.join(map(str, divisors))}."
            )
        return groups

    def get_config(self) -> dict[str, Any]:
        config = {"groups": self.groups, "group_size": self.group_size, "axis": self.axis}
        return {**super().get_config(), **config}


def choose_groups(channels: int, limit: int = 32) -> int:
    """Returns the largest number of groups up to `limit` that divides the channels."""
    return max(n for n in range(1, min(channels, limit) + 1) if channels % n == 0)
