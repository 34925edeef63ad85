"""Reads binary labels for losses."""

from keras import ops

from kerasnorm._types import Tensor
from kerasnorm.imbalance import _class_numbers

_NOT_BINARY = "Labels should be 0 or 1. Received: {label:g}."


def read_binary(y: Tensor, used: Tensor | None) -> tuple[Tensor, Tensor]:
    """Returns whether each label is 1, and whether it is wrong: neither 0 nor 1, and used.

    Raises:
        ValueError: If one is wrong, and this can be seen.
    """
    positive = ops.equal(y, 1)
    wrong = ops.logical_not(ops.logical_or(positive, ops.equal(y, 0)))
    if used is not None:
        wrong = ops.logical_and(used, wrong)
    _class_numbers.refuse(y, wrong, _NOT_BINARY)
    return positive, wrong
