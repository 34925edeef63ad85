"""Reads class numbers for predictions with the classes on the last axis, for losses and metrics.

A wrong label raises where values can be read. A graph cannot raise: there the caller makes its
result NaN, so that no wrong label is taken for a class.
"""

from typing import Any, NamedTuple

import numpy as np
from keras import ops

from kerasnorm._types import Tensor
from kerasnorm.backend import has_values
from kerasnorm.data import outside
from kerasnorm.imbalance.counting import ClassCounts


class ClassNumbers(NamedTuple):
    """Labels that have been read.

    Attributes:
        numbers: int32 (N, ...), 0 where a label is left out or wrong.
        used: bool (N, ...), False where a label is left out; None if all are used.
        wrong: bool (N, ...), True where a label should have been used and is no class.
    """

    numbers: Tensor
    used: Tensor | None
    wrong: Tensor


def read_class_numbers(
    y: Tensor, num_classes: int, ignore_class: int | None, mask: Tensor | None
) -> ClassNumbers:
    """Returns labels (N, ...) of any dtype as class numbers.

    Raises:
        ValueError: If one that is used is outside the classes, and this can be seen.
    """
    y = ops.cast(y, "float32")
    used = None if ignore_class is None else ops.not_equal(y, ignore_class)
    used = masked(used, mask, y)
    inside = ops.logical_and(ops.greater_equal(y, 0), ops.less(y, num_classes))
    wrong = ops.logical_not(ops.logical_and(inside, ops.equal(ops.floor(y), y)))
    if used is not None:
        wrong = ops.logical_and(used, wrong)
    refuse(y, wrong, outside("{label:g}", num_classes, fix=_LEAVE_OUT))
    good = ops.logical_not(wrong)
    if used is not None:
        good = ops.logical_and(used, good)
    return ClassNumbers(ops.cast(ops.where(good, y, 0), "int32"), used, wrong)


def masked(used: Tensor | None, mask: Tensor | None, y: Tensor) -> Tensor | None:
    """Returns which positions are used and not masked, in the shape of the labels; None if all."""
    if mask is None:
        return used
    return ops.logical_and(mask, ops.ones_like(y, dtype="bool") if used is None else used)


_LEAVE_OUT = (
    "If it marks what should be left out, pass `ignore_class={label}`; otherwise correct the "
    "labels."
)


def refuse(y: Tensor, wrong: Tensor, text: str, **values: Any) -> None:
    """Raises a ValueError for the first wrong label, where values can be read."""
    if has_values(wrong):
        found = np.asarray(ops.convert_to_numpy(y))[np.asarray(ops.convert_to_numpy(wrong))]
        if found.size:
            raise ValueError(text.format(label=found.flat[0], **values))


def without_last_axis(y: Tensor, predictions: Tensor) -> Tensor:
    """Returns labels (N, ...) or (N, ..., 1) as (N, ...), for predictions (N, ..., K).

    Raises:
        ValueError: If the shapes do not fit.
    """
    if len(y.shape) == len(predictions.shape) and y.shape[-1] == 1:
        y = ops.squeeze(y, axis=-1)
    check_shapes(y, predictions, predictions.shape[:-1])
    return y


def check_shapes(y: Tensor, predictions: Tensor, expected: Any) -> None:
    """Raises ValueError if the shape of labels is known to be another than expected."""
    fits = len(y.shape) == len(expected) and all(
        a is None or b is None or a == b for a, b in zip(y.shape, expected, strict=True)
    )
    if not fits:
        raise ValueError(
            f"The labels should have the shape {tuple(expected)}, to go with predictions of shape "
            f"{tuple(predictions.shape)}. Received: labels of shape {tuple(y.shape)}."
        )


def check_num_classes(predictions: Tensor, num_classes: int | None) -> int:
    """Returns the number of classes of predictions (N, ..., K).

    Raises:
        ValueError: If it differs from the expected number, is unknown, or below 2.
    """
    found = predictions.shape[-1]
    if found is None or found < 2 or num_classes not in (None, found):
        raise ValueError(
            f"The predictions should have {num_classes or 'two or more'} classes on the last axis. "
            f"Received: predictions of shape {tuple(predictions.shape)}. (The single "
            "column of a binary classifier is taken by `BalancedAccuracy(2, threshold=0)` and "
            "`LabelCrossentropy`.)"
        )
    return found


def to_rank(tensor: Tensor, rank: int) -> Tensor:
    """Adds axes at the end, so that the value of an example applies to all of its positions."""
    tensor = ops.convert_to_tensor(tensor)
    while len(tensor.shape) > max(rank, 1) and tensor.shape[-1] == 1:
        tensor = ops.squeeze(tensor, axis=-1)
    while len(tensor.shape) < rank:
        tensor = ops.expand_dims(tensor, axis=-1)
    return tensor


def ignored(ignore_class: int | None, counts: Any) -> int | None:
    """Returns the class to ignore: the argument, or else that of the counts."""
    if ignore_class is None and isinstance(counts, ClassCounts):
        return counts.ignore_class
    return ignore_class
