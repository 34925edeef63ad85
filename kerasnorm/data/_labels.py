"""Reads labels as an array of numbers or names, and finds their form."""

import enum
from typing import Any

import numpy as np

from kerasnorm.data._arrays import to_numpy, without_objects
from kerasnorm.data._label_checks import NOT_WHOLE, check_zero_one, labels_of


class Form(enum.Enum):
    """What labels (N, ...) say of each example."""

    NAMES = "the name of its class: str (N,) or (N, 1)"
    NUMBERS = "the number of its class: (N,) or (N, 1)"
    ROWS = "which classes it has: 0 and 1, (N, K)"
    POSITIONS = "a class number at each of several positions: (N, T), (N, H, W), (N, H, W, 1)"
    ONE_HOT_MAPS = "a one-hot row at each of several positions: (N, ..., K)"


def read_labels(y: Any, name: str | None = None) -> np.ndarray:
    """Returns `y` as a non-empty array of finite numbers, bools or str, of rank 1 or more.

    Args:
        y: An array-like or a tensor with values. Objects may be all numbers, all str or all bytes.
        name: The argument's name, for messages. Defaults to None.

    Raises:
        ValueError: If it is something else, or has NaN or infinity.
    """
    array = without_objects(to_numpy(y, name))
    if array.dtype.kind == "S" or _holds(array, bytes):
        array = np.char.decode(array.astype(bytes), "utf-8")
    elif _holds(array, str):
        array = array.astype(str)
    elif array.dtype.name == "bfloat16":
        array = array.astype("float32")
    if array.ndim == 0 or array.dtype.kind not in "biufU":
        raise ValueError(
            f"{labels_of(name)} should be an array of integers, of one-hot rows or of strings, "
            f"with the examples first. Received: {type(y).__name__} of shape {array.shape} "
            f"and dtype {array.dtype}."
        )
    if array.size == 0:
        raise ValueError(
            f"{labels_of(name)} are empty: there are no labels in an array of shape {array.shape}."
        )
    if array.dtype.kind == "U" and array.size != len(array):
        raise ValueError(
            f"{labels_of(name)} are strings, which should have the shape (N,) or (N, 1). "
            f"Received: {array.shape}."
        )
    if array.dtype.kind == "f":
        _refuse_unless(np.isfinite(array), array, name)
    return array


def _holds(array: np.ndarray, kind: type) -> bool:
    return array.dtype.kind == "O" and all(isinstance(item, kind) for item in array.flat)


def _refuse_unless(good: np.ndarray, labels: np.ndarray, name: str | None) -> None:
    if not good.all():
        text = NOT_WHOLE.format(labels=labels_of(name), label=labels[~good][0])
        raise ValueError(text)


def form_of(
    labels: np.ndarray, num_classes: int | None = None, ignore_class: int | None = None
) -> Form:
    """Returns in which form these labels are, which `read_labels` has read.

    Integers of rank 2 that are all 0 and 1 are class numbers if there is an `ignore_class`, which
    only those have.

    Raises:
        ValueError: If the other arguments do not fit names, or one-hot or multilabel rows.
    """
    columns, integer = labels.shape[-1], labels.dtype.kind in "iu"
    if labels.dtype.kind == "U":
        if ignore_class is not None:
            raise ValueError(
                f"Named classes have no number to ignore. Received: strings and "
                f"ignore_class={ignore_class}. Leave one of the two out."
            )
        return Form.NAMES
    if labels.size == len(labels):
        return Form.NUMBERS
    if (
        not has_class_axis(labels.shape, integer, columns)
        or (ignore_class is not None and integer)
        or ((labels != 0) & (labels != 1)).any()
    ):
        return Form.POSITIONS
    if labels.ndim > 2:
        one_hot = num_classes in (None, columns) and (labels.sum(axis=-1) == 1).all()
        return Form.ONE_HOT_MAPS if one_hot else Form.POSITIONS
    read_as = f"Labels of shape {labels.shape} with only 0 and 1 are read as one-hot or multilabel"
    if ignore_class is not None:
        raise ValueError(
            f"{read_as}, where ignore_class={ignore_class} means nothing. If they are class "
            "numbers, pass them as integers."
        )
    if num_classes not in (None, columns):
        raise ValueError(
            f"{read_as}, which does not fit num_classes={num_classes}. If they are class numbers, "
            "one per position, pass them as `y[..., None]`."
        )
    return Form.ROWS


def has_class_axis(shape: tuple[int | None, ...], integer: bool, columns: int | None) -> bool:
    """Whether labels of this shape have one column per class on the last axis.

    Rows (N, K); maps (N, ..., K) of rank 4 and more, or of rank 3 if they are not integers, since
    integers (N, H, W) are label maps.
    """
    rank = len(shape)
    if rank < 2 or columns is None or columns < 2 or shape[-1] != columns:
        return False
    return rank == 2 or rank >= (4 if integer else 3)


def as_integers(labels: np.ndarray, name: str | None = None) -> np.ndarray:
    """Returns numeric labels as int64; floats must be whole."""
    if labels.dtype.kind == "U":
        raise ValueError(
            f"{labels_of(name)} should be integers here. Received: strings; encode them with "
            "`np.unique(y, return_inverse=True)`."
        )
    if labels.dtype.kind == "f":
        _refuse_unless(np.isfinite(labels) & (labels == np.floor(labels)), labels, name)
    return labels.astype(np.int64, copy=False)


def undo_one_hot(labels: np.ndarray) -> np.ndarray:
    """Returns one-hot maps (N, ..., K) as class numbers (N, ...)."""
    check_zero_one(labels)
    if (labels.sum(axis=-1) != 1).any():
        raise ValueError(
            "One-hot maps should have exactly one 1 on the last axis at every position, as those "
            "before had."
        )
    return labels.argmax(axis=-1)
