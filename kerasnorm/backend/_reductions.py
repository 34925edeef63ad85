"""Sums over axes and averages over groups, in forms that compilers turn into few passes.

A compiler merges elementwise work into one loop, but writes to memory what a reduction reads, and
computes again, for every element, what is broadcast to it. So the long part of a sum is an
elementwise sum of slices, and a mean is spread over its group by a product with ones.
"""

import functools
import operator
from collections.abc import Callable

import keras
from keras import ops

from kerasnorm._types import Tensor

Axes = tuple[int, ...]
Total = Callable[[Tensor, Axes], Tensor]
Totals = Callable[[Tensor, Tensor, Axes], tuple[Tensor, Tensor]]

# Compilers stop merging where a value is used more often than about a dozen times.
_SLICES = 8
_LARGEST_PRODUCT = 256


def total(x: Tensor, axes: Axes) -> Tensor:
    """Sums over the axes, which stay, one after the other.

    If all were added up one by one, what is less than the last digit of the sum so far would be
    lost.
    """
    if not axes:
        return x
    some = functools.reduce(operator.add, slices(x, axes))
    return total(ops.sum(some, axes[-1], keepdims=True), axes[:-1])


def one_by_one(total: Total) -> Totals:
    """Returns a function that sums x and x·factor by `total`."""
    return lambda x, factor, axes: (total(x, axes), total(x * factor, axes))


def by_pairs(total: Total) -> Totals:
    """Returns the same, where one loop reads both: XLA's for the CPU would be two.

    The pairs are an axis before the last one, which loops run along.
    """

    def totals(x: Tensor, factor: Tensor, axes: Axes) -> tuple[Tensor, Tensor]:
        last = len(x.shape) - 1
        if not axes or last in axes:
            return one_by_one(total)(x, factor, axes)
        second = ops.reshape(ops.convert_to_tensor([False, True]), (1,) * last + (2, 1))
        pairs = ops.expand_dims(x, last) * ops.where(second, ops.expand_dims(factor, last), 1)
        sums = total(pairs, axes)
        return sums[..., 0, :], sums[..., 1, :]

    return totals


def sample(x: Tensor, axes: Axes) -> Tensor:
    """Returns an eighth of the elements along the axes, or more where the sizes are odd.

    It is the middle one of so many neighbours, so that all examples and rows have a part in it;
    of channels, which are in no order, the first ones.

    Their mean c serves as a center as well as that of all elements: whatever they are,
    (c − E[x])² ≤ 7·Var[x], so E[(x − c)²] − (E[x] − c)² loses 3 of float32's 24 bits at most.
    """
    parts, axis = _longest(x, axes)
    if parts == 1:
        return x
    is_last = axis == len(x.shape) - 1
    some = slice(x.shape[axis] // parts) if is_last else slice(parts // 2, None, parts)
    return x[(*(slice(None),) * axis, some)]


def neighbours(x: Tensor, axes: Axes) -> Tensor:
    """Returns an eighth as well, of elements that lie side by side: kernels read them sooner."""
    return slices(x, axes)[0]


def slices(x: Tensor, axes: Axes) -> list[Tensor]:
    """Returns up to 8 equal parts of a tensor, one after the other along one of the axes."""
    parts, axis = _longest(x, axes)
    if parts == 1:
        return [x]
    size = x.shape[axis] // parts
    before = (slice(None),) * axis
    return [x[(*before, slice(i * size, (i + 1) * size))] for i in range(parts)]


def _longest(x: Tensor, axes: Axes) -> tuple[int, int]:
    """Returns the largest divisor up to `_SLICES` of the axes' known sizes, and that axis."""
    parts, axis = 1, 0
    for candidate in axes:  # in words that torch.compile understands
        found = _parts(x.shape[candidate])
        if found > parts:
            parts, axis = found, candidate
    return parts, axis


def _parts(size: int | None) -> int:
    return max(n for n in range(1, _SLICES + 1) if (size or 1) % n == 0)


def average(rows: Tensor) -> Tensor:
    """Replaces each row of a matrix by its mean."""
    return ops.broadcast_to(ops.mean(rows, axis=-1, keepdims=True), ops.shape(rows))


def average_by(matmul: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Returns `average` as a product, which is made of exact products `matmul`."""

    def averaged(rows: Tensor) -> Tensor:
        size = rows.shape[-1]
        if size > _LARGEST_PRODUCT:
            return average(rows)
        return matmul(rows, ops.ones((size, size), rows.dtype)) / size

    return averaged


def settle(center: Tensor) -> Tensor:
    """Returns a constant that is the same number to all who use it, from one that may not be.

    XLA computes total/count again in each loop, rounded in one and within a fused multiply-add
    in another, while a shift goes with one of them. Integers between leave it no such choice.
    """
    center = ops.stop_gradient(center)
    bits = {"float32": "int32", "float64": "int64"}[keras.backend.standardize_dtype(center.dtype)]
    return ops.view(ops.bitwise_and(ops.view(center, bits), -2), center.dtype)
