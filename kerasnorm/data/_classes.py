"""Converts labels to class numbers, label maps or named classes."""

from typing import Any

import numpy as np

from kerasnorm._validation import listed
from kerasnorm.data._label_checks import check_count, check_not_huge, check_range, labels_of
from kerasnorm.data._labels import Form, as_integers, form_of, read_labels


def read_classes(y: Any, name: str | None = None) -> np.ndarray:
    """Returns the class number of each example, int64 (N,), of (N,), (N, 1) or one-hot (N, K).

    Raises:
        ValueError: If an example has none, several, or a negative one.
    """
    labels = read_labels(y, name)
    form = form_of(labels)
    if form is Form.ROWS and (labels.sum(axis=1) == 1).all():
        return labels.argmax(axis=1)
    if form in (Form.ROWS, Form.ONE_HOT_MAPS) or labels.size != len(labels):
        raise ValueError(
            f"{labels_of(name)} should be one class for each example: integers from 0 up, (N,) or "
            "(N, 1), or one-hot rows (N, K); or label maps (N, H, W) where those are taken. "
            f"Received: shape {labels.shape}, dtype {labels.dtype}."
        )
    numbers = as_integers(labels, name).reshape(-1)
    check_range(numbers, None, name, "Correct the labels: classes count from 0.")
    check_not_huge(numbers)
    return numbers


def read_label_maps(y: Any, name: str | None = None, ignore_class: int | None = None) -> np.ndarray:
    """Returns label maps of ints, (N, H, W), of (N, H, W) or (N, H, W, 1), in a small dtype."""
    labels = read_labels(y, name)
    maps = labels[..., 0] if labels.ndim == 4 and labels.shape[-1] == 1 else labels
    if maps.ndim != 3:
        raise ValueError(
            f"{labels_of(name)} should be label maps of ints, (N, H, W), a class a pixel. "
            f"Received: shape {labels.shape}, dtype {labels.dtype}. One-hot maps become such by "
            "`y.argmax(-1)`."
        )
    if maps.dtype.kind == "b":
        return maps.astype("uint8")
    if maps.dtype.kind not in "iu":
        return as_integers(maps, name).astype("int32")
    # so that a mark of -1 fits beside bytes
    return maps.astype(np.result_type(maps, np.min_scalar_type(ignore_class or 0)), copy=False)


def number_names(
    y: Any, name: str, names: tuple[str, ...] | None = None
) -> tuple[Any, tuple[str, ...]]:
    """Returns labels that are names as the numbers of their classes, and the names of the classes.

    Args:
        y: Labels of any form; those that are no names stay as they are.
        name: The argument's name, for messages.
        names: Those of the classes; () if classes are numbers. None: those that come up, sorted.

    Raises:
        ValueError: If a name is not among them, or there are names in one part and numbers in
            another.

    >>> number_names(["owl", "cat", "owl"], "train")
    (array([1, 0, 1]), ('cat', 'owl'))
    """
    labels = read_labels(y, name)
    named = labels.dtype.kind == "U"
    if names is not None and named != bool(names):
        form = "names, as those of `train`" if names else "numbers, as those of `train`"
        raise ValueError(f"{labels_of(name)} should be {form} are. Received: dtype {labels.dtype}.")
    if not named:
        return y, ()
    labels = labels.reshape(-1)
    known = np.unique(labels) if names is None else np.array(names)
    order = np.argsort(known)
    places = np.searchsorted(known, labels, sorter=order).clip(max=len(known) - 1)
    numbers = order[places]
    unknown = labels[known[numbers] != labels]
    if unknown.size:
        raise ValueError(
            f"Label {str(unknown[0])!r} of `{name}` is none of the classes of `train`: "
            f"{listed(known.tolist(), most=5)}."
        )
    return numbers, tuple(known.tolist())


def encode_labels(name: str, y: Any, count: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Returns the classes, sorted, and the index of each example's class among them.

    Args:
        name: The argument's name, for messages.
        y: Integers, bools, strings, or floats that are whole, (N,) or (N, 1); gaps are allowed.
        count: How many there should be, if that is known. Defaults to None.

    Raises:
        ValueError: If there are none, too many or too few, or they are no class labels.

    >>> classes, codes = encode_labels("y", ["owl", "cat", "owl"])
    >>> classes.tolist(), codes.tolist()
    (['cat', 'owl'], [1, 0, 1])
    """
    labels = read_labels(y, name)
    if labels.size != len(labels):
        raise ValueError(
            f"{labels_of(name)} should be one for each example, of shape (N,). Received: shape "
            f"{labels.shape}. One-hot rows become labels by `{name}.argmax(axis=1)`."
        )
    check_count(len(labels), count, name)
    if labels.dtype.kind == "f":
        as_integers(labels, name)
    return np.unique(labels.reshape(-1), return_inverse=True)
