"""The formula in few operations that every runtime of models knows, for inference.

Frameworks differentiate it in any way they can: forwards, backwards, twice and for each example.
In training that costs memory, which `reference.backward` saves.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from keras import ops

from kerasnorm._types import Tensor
from kerasnorm.backend import _reductions as reductions
from kerasnorm.backend._reference import Statistics, View, count_elements


def infer(
    x: Tensor,
    gamma: Tensor | None,
    beta: Tensor | None,
    mask: Tensor | None,
    view: View,
    epsilon: float,
    dtype: str,
    settle: Callable[[Tensor], Tensor],
) -> tuple[Tensor, Statistics]:
    """Returns the normalized tensor and its statistics, one a group; see `reference.forward`.

    It centers twice: the second time takes away what rounding left over of the mean.
    """
    batch, *sizes = ops.shape(x)
    shape = _size_or_rest(batch), *sizes
    tensors = (ops.cast(x, dtype), gamma, beta, mask)
    group_axis = None
    if view.groups is not None:
        view, group_axis, tensors = _with_groups(view, tensors, shape)
    x, gamma, beta, mask = tensors
    count = count_elements(x, mask, view, _total)

    def mean(x: Tensor) -> Tensor:
        found = ops.mean(x, view.reduced, keepdims=True)
        if mask is not None:
            found = _total(x, view.reduced) / ops.maximum(count, 1)
        return found if group_axis is None else ops.mean(found, group_axis, keepdims=True)

    def centred(x: Tensor, center: Tensor) -> Tensor:
        return x - center if mask is None else (x - center) * mask

    center = settle(mean(x) if mask is not None else _rough_mean(x, view, group_axis))
    x = centred(x, center)
    shift = mean(x)
    x = centred(x, shift)
    variance = mean(ops.square(x))
    scale = ops.rsqrt(variance + epsilon)
    y = x * (scale if gamma is None else scale * gamma)
    y = y if beta is None else y + beta
    found = (ops.stop_gradient(part) for part in (center + shift, variance, count))
    return y if group_axis is None else ops.reshape(y, shape), Statistics(*found)


def _rough_mean(x: Tensor, view: View, group_axis: int | None) -> Tensor:
    """Returns a number near the mean: that of all where this is as quick, else that of an eighth.

    The other end of `reductions.sample`: with kernels of their own, neighbours are quickest.
    """
    if group_axis is not None:
        return ops.mean(x, (*view.reduced, group_axis), keepdims=True)
    some = x if view.channel in view.reduced else reductions.slices(x, view.reduced)[0]
    return ops.mean(some, view.reduced, keepdims=True)


def _total(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    return ops.sum(x, axes, keepdims=True) if axes else x


def _size_or_rest(size: Any) -> Any:
    """Returns a size for `reshape`, which takes no operation to find."""
    return size if isinstance(size, int) else -1


def _with_groups(
    view: View, tensors: Sequence[Tensor | None], shape: Sequence[Any]
) -> tuple[View, int, list[Tensor | None]]:
    """Divides channels into groups: (N, …, C) becomes (N, …, G, C/G).

    Positions become one axis where their number is known: runtimes know few axes.
    """
    channel = view.channel
    before, after = shape[1:channel], shape[channel + 1 :]
    known = all(isinstance(size, int) for size in (*before, *after))

    def divided(x: Tensor | None) -> Tensor | None:
        if x is None:
            return None
        batch, *sizes = ops.shape(x)
        groups = 1 if sizes[channel - 1] == 1 else view.groups
        parts = [*sizes[: channel - 1]], [*sizes[channel:]]
        first, last = ([math.prod(part)] if part and known else part for part in parts)
        channels = groups, sizes[channel - 1] // groups
        return ops.reshape(x, (_size_or_rest(batch), *first, *channels, *last))

    first, last = (min(len(part), 1) if known else len(part) for part in (before, after))
    group_axis = first + 2
    rest = (*range(1, first + 1), *range(group_axis + 1, group_axis + 1 + last))
    split = View(rest, group_axis, (0, *rest))
    return split, group_axis, [divided(x) for x in tensors]
