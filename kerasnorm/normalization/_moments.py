"""Computes mean and variance with gradients, for layers that do more than normalize by them.

As in `kerasnorm.backend.reference`, a mean is the sum of two numbers, `center + shift`: float32
cannot hold a mean of 1e4 to better than 5e-4. Any constant near the mean can be the center, so no
gradient flows through it, and the gradient of the whole is still exact.
"""

from typing import NamedTuple

from keras import ops

from kerasnorm._types import Tensor
from kerasnorm.backend import settle


class Moments(NamedTuple):
    """Statistics over some axes, which are kept.

    Attributes:
        center, shift: The mean is their sum.
        variance: The biased one.
        count: The number of elements behind each.
    """

    center: Tensor
    shift: Tensor
    variance: Tensor
    count: Tensor


def count(x: Tensor, weights: Tensor | None, axes: tuple[int, ...]) -> Tensor:
    """Returns how many elements lie along `axes`, or how many the 0/1 `weights` leave."""
    if weights is not None:
        return ops.sum(weights, axes, keepdims=True)
    size = 1
    for axis in axes:
        size = size * ops.shape(x)[axis]
    return ops.reshape(ops.cast(size, x.dtype), (1,) * len(x.shape))


def mean(x: Tensor, weights: Tensor | None, axes: tuple[int, ...]) -> Tensor:
    """Returns the mean of `x`, which is 0 where the weights are; 0 where none are left."""
    if weights is None:
        return ops.mean(x, axes, keepdims=True)
    return ops.sum(x, axes, keepdims=True) / ops.maximum(count(x, weights, axes), 1)


def moments(x: Tensor, weights: Tensor | None, axes: tuple[int, ...]) -> tuple[Moments, Tensor]:
    """Returns the moments over positions and `x − center`, both 0 where the weights are."""
    center = settle(mean(x, weights, axes))
    centred = x - center if weights is None else (x - center) * weights
    shift = mean(centred, weights, axes)
    variance = mean(ops.square(centred), weights, axes) - ops.square(shift)
    behind = count(x, weights, axes)
    return Moments(center, shift, ops.maximum(variance, 0), behind), centred


def pool(parts: Moments, axes: tuple[int, ...]) -> Moments:
    """Returns the moments of the union of `parts` along `axes`: Var = E[Var] + Var[E]."""
    weights = ops.broadcast_to(parts.count, ops.shape(parts.center))
    total = ops.sum(weights, axes, keepdims=True)
    shares = weights / ops.maximum(total, 1)
    center = settle(ops.sum(shares * parts.center, axes, keepdims=True))
    means = (parts.center - center) + parts.shift
    shift = ops.sum(shares * means, axes, keepdims=True)
    spread = parts.variance + ops.square(means - shift)
    return Moments(center, shift, ops.sum(shares * spread, axes, keepdims=True), total)
