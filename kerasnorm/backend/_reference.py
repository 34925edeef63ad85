"""The formula, its statistics and its gradient, once, in `keras.ops`.

    y = (x − E[x]) / √(Var[x] + ε) · γ + β

Float32 cannot hold a mean of 1e4 to better than 5e-4, so the mean is kept as the sum of two
numbers, `center + shift`: x − center is exact for x near the center, and the shift is what
rounding left over. Var[x] = E[(x − center)²] − shift² does not cancel, since the shift is tiny.

The backward pass needs only the input, the two numbers of the mean and the reciprocal deviation.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from kerasnorm._types import Tensor
from kerasnorm.backend import _reductions as reductions
from kerasnorm.backend._reductions import Total, Totals


class View(NamedTuple):
    """Which elements of a tensor share their statistics, and which share γ and β.

    Attributes:
        reduced: axes summed over.
        channel: the channel axis.
        broadcast: axes along which γ and β do not vary.
        groups: statistics are shared within this many groups of channels; None: not shared.
        synchronized: whether statistics are summed over the replicas.
        axis_name: the mapped axis that they lie on; only JAX asks for it.
    """

    reduced: tuple[int, ...]
    channel: int
    broadcast: tuple[int, ...]
    groups: int | None = None
    synchronized: bool = False
    axis_name: str | None = None


class Statistics(NamedTuple):
    """Mean, biased variance (both with kept axes) and the number of elements behind each."""

    mean: Tensor
    variance: Tensor
    count: Tensor


class Primitives(NamedTuple):
    """What a backend has its own way of doing.

    Attributes:
        total: sums a tensor over some of its axes, which it keeps.
        totals: sums a tensor, and its product with another, in the same way.
        average: replaces each row of a matrix by its mean.
        all_reduce: sums a vector over the replicas of an axis name.
        settle: makes a constant of a tensor, the same number to all who use it.
        sample: returns an eighth of a tensor's elements along some of its axes.
        fuse: calls a function of `Centred.value` and other tensors, which reads each only once.
    """

    total: Total
    totals: Totals
    average: Callable[[Tensor], Tensor]
    all_reduce: Callable[[Tensor, str | None], Tensor]
    settle: Callable[[Tensor], Tensor]
    sample: Callable[[Tensor, tuple[int, ...]], Tensor] = reductions.sample
    fuse: Callable[..., Any] = lambda function, centred, *tensors: function(centred.value, *tensors)


class Centred:
    """x − center, and 0 where the mask is: what every pass over the input begins with."""

    def __init__(self, x: Tensor, center: Tensor, mask: Tensor | None) -> None:
        self.x, self.center, self.mask = x, center, mask

    def compute(self) -> Tensor:
        centred = ops.cast(self.x, self.center.dtype) - self.center
        return centred if self.mask is None else centred * self.mask

    @functools.cached_property
    def value(self) -> Tensor:
        return self.compute()


class Sums(NamedTuple):
    """Sums the centred input, or other values, and their product with it."""

    totals: Totals
    axes: tuple[int, ...]

    def __call__(self, centred: Tensor, values: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.totals(centred if values is None else values, centred, self.axes)


class Residuals(NamedTuple):
    """What the backward pass needs beside the input."""

    center: Tensor
    shift: Tensor
    rstd: Tensor
    count: Tensor


def keep(statistics: Statistics) -> Statistics:
    """What layers make of their statistics that have no use of their own for them."""
    return statistics


def forward(
    x: Tensor,
    gamma: Tensor | None,
    beta: Tensor | None,
    mask: Tensor | None,
    view: View,
    epsilon: float,
    dtype: str,
    primitives: Primitives,
) -> tuple[Tensor, Statistics, Residuals]:
    """Returns the normalized tensor, its statistics and the residuals.

    Args:
        x: tensor of floats.
        gamma, beta: tensors that broadcast to `x`, or None.
        mask: ones and zeros that broadcast to `x`, or None; `x` is 0 where it is 0.
        view: the axes.
        epsilon: added to the variance.
        dtype: of the statistics, float32 or wider.
        primitives: the backend's `Primitives`.
    """
    x = ops.cast(x, dtype)
    center = find_center(x, mask, view, primitives)
    centred = Centred(x, center, mask)
    sums = primitives.fuse(Sums(primitives.totals, view.reduced), centred)
    shift, square, count = _means(sums, x, mask, view, primitives)
    variance = ops.maximum(square - ops.square(shift), 0)
    rstd = ops.rsqrt(variance + epsilon)
    y = primitives.fuse(_scale_and_shift, centred, shift, rstd, gamma, beta)
    return y, Statistics(center + shift, variance, count), Residuals(center, shift, rstd, count)


def find_center(x: Tensor, mask: Tensor | None, view: View, primitives: Primitives) -> Tensor:
    """Returns a constant near the mean, exact to subtract."""
    some = primitives.sample(x, view.reduced) if mask is None else x
    sums = [primitives.total(some, view.reduced)]
    return primitives.settle(_means(sums, some, mask, view, primitives)[0])


def backward(
    dy: Tensor,
    x: Tensor,
    gamma: Tensor | None,
    mask: Tensor | None,
    residuals: Residuals,
    view: View,
    primitives: Primitives,
) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the gradients of the input, γ and β; `dy` is 0 where the mask is 0."""
    center, shift, rstd, count = residuals
    dy = ops.cast(dy, center.dtype)
    centred = Centred(x, center, mask)
    common = tuple(axis for axis in view.reduced if axis in view.broadcast)
    total = primitives.total
    dbeta, product = primitives.fuse(Sums(primitives.totals, common), centred, dy)
    dgamma = rstd * (product - shift * dbeta)
    scale = 1 if gamma is None else gamma
    rest = tuple(axis for axis in view.reduced if axis not in common)
    parts = [total(scale * dbeta, rest), total(scale * dgamma, rest)]
    means = (
        _share(part / ops.maximum(count, 1), view, primitives)
        for part in _over_replicas(parts, view, primitives)
    )
    dx = primitives.fuse(_input_gradient, centred, dy, shift, rstd, gamma, *means)
    if mask is not None:
        dx = dx * mask
    left = tuple(axis for axis in view.broadcast if axis not in common)
    return ops.cast(dx, x.dtype), total(dgamma, left), total(dbeta, left)


def _scale_and_shift(
    centred: Tensor, shift: Tensor, rstd: Tensor, gamma: Tensor | None, beta: Tensor | None
) -> Tensor:
    scale = _scale(rstd, gamma)
    return centred * scale + ((0 if beta is None else beta) - shift * scale)


def _input_gradient(
    centred: Tensor,
    dy: Tensor,
    shift: Tensor,
    rstd: Tensor,
    gamma: Tensor | None,
    first: Tensor,
    second: Tensor,
) -> Tensor:
    slope = -second * rstd * rstd
    return dy * _scale(rstd, gamma) + centred * slope - (first * rstd + slope * shift)


def apply_statistics(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    gamma: Tensor | None,
    beta: Tensor | None,
    epsilon: float,
    dtype: str,
) -> Tensor:
    """Returns `x` normalized with statistics that are given."""
    y = (ops.cast(x, dtype) - mean) * _scale(ops.rsqrt(variance + epsilon), gamma)
    return y if beta is None else y + beta


def _scale(rstd: Tensor, gamma: Tensor | None) -> Tensor:
    return rstd if gamma is None else rstd * gamma


def _means(
    sums: Sequence[Tensor], x: Tensor, mask: Tensor | None, view: View, primitives: Primitives
) -> tuple[Tensor, ...]:
    """Returns the means that belong to sums over `x`, and the count behind them."""
    parts = [*sums, count_elements(x, mask, view, primitives.total)]
    *sums, count = _over_replicas(parts, view, primitives)
    present = ops.maximum(count, 1)
    return *(_share(part / present, view, primitives) for part in sums), count


def count_elements(x: Tensor, mask: Tensor | None, view: View, total: Total) -> Tensor:
    """Returns how many elements each statistic rests on; the mask has one channel."""
    shape = ops.shape(x)
    counted = view.reduced if mask is None else tuple({view.channel} & {*view.reduced})
    size = 1
    for axis in counted:
        size = size * shape[axis]
    size = ops.reshape(ops.cast(size, x.dtype), (1,) * len(shape))
    if mask is None:
        return size
    return size * total(mask, tuple(axis for axis in view.reduced if axis != view.channel))


def _share(statistic: Tensor, view: View, primitives: Primitives) -> Tensor:
    """Averages per-channel values within each group; all other axes but the batch are 1."""
    if view.groups is None:
        return statistic
    batch, *sizes = ops.shape(statistic)
    rows = ops.reshape(statistic, (-1, sizes[view.channel - 1] // view.groups))
    batch = batch if isinstance(batch, int) else -1
    return ops.reshape(primitives.average(rows), (batch, *sizes))


def _over_replicas(parts: Sequence[Tensor], view: View, primitives: Primitives) -> Sequence[Tensor]:
    if not view.synchronized:
        return parts
    return sum_over_replicas(parts, lambda x: primitives.all_reduce(x, view.axis_name))


def sum_over_replicas(
    parts: Sequence[Tensor], all_reduce: Callable[[Tensor], Tensor]
) -> Sequence[Tensor]:
    """Sums each part, of known shape, over the replicas, all of them in one collective."""
    vector = ops.concatenate([ops.reshape(part, (-1,)) for part in parts])
    reduced = all_reduce(vector)
    if reduced is vector:
        return parts
    ends = np.cumsum([math.prod(part.shape) for part in parts])
    totals = ops.split(reduced, ends[:-1].tolist())
    return [ops.reshape(total, part.shape) for total, part in zip(totals, parts, strict=True)]
