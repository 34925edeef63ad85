"""How labels are read: what form they have, which are valid, and what is said of the others."""

import sys
from typing import Any

import keras
import numpy as np

# more classes than this are a mistake, and their counts would not fit the memory
_MAX_CLASSES = 2**24

OUTSIDE = (
    "Label {label} is outside the classes {classes}. If it marks what should be left out, pass "
    "`ignore_class={label}`; otherwise correct the labels, or count the "
    "classes again with a larger `num_classes`."
)
NOT_WHOLE = "Labels should be whole numbers. Received: {label}."
NOT_ZERO_ONE = (
    "Labels of shape (N, K), and maps of shape (N, ..., K), are read as one-hot or multilabel "
    "and should hold 0 and 1 only. Received: {label}. If these are class numbers, one a "
    "position, pass integers as `y[..., None]`."
)
NO_CLASS = (
    "Row {label} of the one-hot or multilabel labels has no 1, so it has no class and no weight. "
    "Leave such rows out, or give them a class of their own."
)


def is_dataset(data: Any) -> bool:
    """Whether `data` is a tf.data.Dataset; does not import TensorFlow to find out."""
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and isinstance(data, tensorflow.data.Dataset)


def to_numpy(array: Any) -> np.ndarray:
    """Returns an array-like or a tensor of any backend as a NumPy array."""
    try:
        if keras.ops.is_tensor(array):
            return keras.ops.convert_to_numpy(array)
        return np.asarray(array)
    except (NotImplementedError, TypeError) as error:  # TensorFlow's and JAX' for tracers
        raise ValueError(
            f"A tensor with values is needed. Received: {array!r}, as inside a compiled function; "
            "on tf.data pipelines use `ClassWeights.map`."
        ) from error
    except ValueError as error:
        raise ValueError(f"A {type(array).__name__} could not be read as an array: {error}") from (
            error
        )


def read_labels(y: Any) -> np.ndarray:
    """Returns `y` as a non-empty array of numbers, bools or str, of rank 1 or more."""
    array = to_numpy(y)
    if array.dtype.kind == "S" or _holds(array, bytes):
        array = np.char.decode(array.astype(bytes), "utf-8")
    elif _holds(array, str):
        array = array.astype(str)
    if array.ndim == 0 or array.dtype.kind not in "biufU":
        raise ValueError(
            "Labels should be an array of integers, of one-hot rows or of strings, with the "
            f"examples first. Received: {type(y).__name__} of shape {array.shape} "
            f"and dtype {array.dtype}."
        )
    if array.size == 0:
        raise ValueError(f"There are no labels. Received: an array of shape {array.shape}.")
    return array


def _holds(array: np.ndarray, kind: type) -> bool:
    return array.dtype.kind == "O" and all(isinstance(item, kind) for item in array.flat)


def as_integers(labels: np.ndarray) -> np.ndarray:
    """Returns numeric labels as int64; floats must be whole."""
    if labels.dtype.kind == "U":
        raise ValueError(
            "Labels should be integers here. Received: strings; encode them with "
            "`np.unique(y, return_inverse=True)`."
        )
    if labels.dtype.kind == "f":
        broken = labels[~(np.isfinite(labels) & (labels == np.floor(labels)))]
        if broken.size:
            raise ValueError(NOT_WHOLE.format(label=broken[0]))
    return labels.astype(np.int64)


def check_range(labels: np.ndarray, num_classes: int | None) -> None:
    """Raises if an integer label is negative, or not below `num_classes`."""
    if not labels.size:
        return
    low, high = labels.min(), labels.max()
    if low < 0 or (num_classes is not None and high >= num_classes):
        raise ValueError(outside(low if low < 0 else high, num_classes))


def check_not_huge(labels: np.ndarray) -> None:
    """Raises if the largest label would make too many classes to count."""
    if labels.size and labels.max() >= _MAX_CLASSES:
        raise ValueError(
            f"Label {labels.max()} would make as many classes. Encode such labels with "
            "`np.unique(y, return_inverse=True)`, or pass `num_classes`."
        )


def outside(label: int, num_classes: int | None) -> str:
    """The text for a label that is no class."""
    return OUTSIDE.format(label=int(label), classes=class_range(num_classes))


def check_no_mark(num_classes: int, has_254: bool) -> None:
    """Raises if the largest label is 255 and seems to mark what is ignored."""
    if num_classes == 256 and not has_254:
        raise ValueError(
            outside(255, None)
            + " (If 255 is a class, pass `num_classes=256`; a mask of 0 and 255 should be "
            "divided by 255.)"
        )


def class_range(num_classes: int | None) -> str:
    """The classes as they read in a message."""
    return "0, 1, 2, ..." if num_classes is None else f"0 to {num_classes - 1}"


def has_class_axis(shape: tuple[int | None, ...], integer: bool, columns: int | None) -> bool:
    """Whether labels of this shape have one column a class on the last axis.

    Rows (N, K); maps (N, ..., K) of rank 4 and more, or of rank 3 if they are not integers, since
    integers (N, H, W) are label maps.
    """
    rank = len(shape)
    if rank < 2 or columns is None or columns < 2 or shape[-1] != columns:
        return False
    return rank == 2 or rank >= (4 if integer else 3)


def is_zero_one_rows(labels: np.ndarray) -> bool:
    """Whether the labels are rows (N, K) of 0 and 1, as one-hot and multilabel rows are."""
    rows = has_class_axis(labels.shape, labels.dtype.kind in "iu", labels.shape[-1])
    return rows and labels.ndim == 2 and bool(((labels == 0) | (labels == 1)).all())


def check_zero_one(labels: np.ndarray) -> None:
    """Raises if an entry of one-hot or multilabel labels is neither 0 nor 1."""
    wrong = labels[(labels != 0) & (labels != 1)]
    if wrong.size:
        raise ValueError(NOT_ZERO_ONE.format(label=wrong[0]))
