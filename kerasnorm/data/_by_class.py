"""Reads numbers that belong to classes, by position or by key."""

import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np

from kerasnorm.data._arrays import to_numpy, without_objects
from kerasnorm.data._label_checks import check_not_huge

_COUNTS = ("count", "counts", "proportion")  # how pandas and polars call the column


def by_class(values: Any, name: str) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """Returns numbers in the order of the classes, (K,), and the names of the classes, if any.

    Args:
        values: An array-like (K,); or with the classes as its keys a dict, a Counter, a pandas
            Series (such as `value_counts()`), or the table that polars makes of `value_counts()`.
            Keys are class numbers, of which those that are left out have 0, or names, which are
            put in alphabetical order.
        name: The argument's name, for messages.

    Raises:
        ValueError: If the keys are something else, or one comes twice.

    >>> by_class({2: 5, 0: 3}, "counts")[0].tolist()
    [3, 0, 5]
    >>> by_class({"owl": 5, "cat": 3}, "counts")
    (array([3, 5]), ('cat', 'owl'))
    """
    pairs = _pairs(values)
    if pairs is None:
        return without_objects(to_numpy(values, name)), None
    keys, found = pairs
    array = without_objects(to_numpy(found, name))
    if array.ndim != 1 or len(array) != len(keys) or not keys:
        raise ValueError(
            f"`{name}` should have one number for each class. Received: {name}={values!r}."
        )
    if len({*keys}) != len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"`{name}` should name each class once. Received: {twice!r} twice.")
    if all(isinstance(key, str) for key in keys):
        order = sorted(range(len(keys)), key=keys.__getitem__)
        return array[order], tuple(keys[index] for index in order)
    if not all(map(_is_class, keys)):
        wrong = next(key for key in keys if not _is_class(key))
        raise ValueError(
            f"The keys of `{name}` should be the classes: whole numbers from 0 up, or all names. "
            f"Received: the key {wrong!r}."
        )
    classes = np.array(keys).astype(np.int64)
    check_not_huge(classes)
    ordered = np.zeros(classes.max() + 1, array.dtype)
    ordered[classes] = array
    return ordered, None


def _pairs(values: Any) -> tuple[list[Any], Any] | None:
    """Returns the keys and the numbers of what has keys."""
    if isinstance(values, Mapping):
        return list(values), list(values.values())
    columns = list(getattr(values, "columns", ()))
    if len(columns) == 2 and columns[1] in _COUNTS:
        return list(values[columns[0]]), values[columns[1]]
    if hasattr(values, "to_numpy") and hasattr(values, "index") and not columns:
        return list(values.index), values.to_numpy()
    return None


def _is_class(key: Any) -> bool:
    return isinstance(key, numbers.Real | np.bool_) and 0 <= key < np.inf and key == int(key)


def read_class_weight(weights: Any, classes: int | None = None) -> np.ndarray:
    """Returns the weights of the classes in their order, float64 (K,).

    Args:
        weights: A dict from every class 0, 1, 2, ... to its weight.
        classes: K, if it is known. Defaults to None.

    Raises:
        ValueError: If a class is missing or unknown, a weight is no finite number from 0 up, or
            all are 0.

    >>> read_class_weight({1: 2.0, 0: 0.5}).tolist()
    [0.5, 2.0]
    """
    keys = set(weights) if isinstance(weights, Mapping) else set()
    if not keys or keys != set(range(len(keys))) or not all(map(_is_weight, weights.values())):
        raise ValueError(
            "The weights should be a dict from every class 0, 1, 2, ... to a finite number "
            f"that is not negative. Received: {weights if not keys else dict(weights)!r}."
        )
    if classes not in (None, len(keys)):
        raise ValueError(
            f"`class_weight` should have one weight for each of the {classes} classes, 0 to "
            f"{classes - 1}, and no other. Received: {dict(weights)}."
        )
    values = np.array([weights[each] for each in range(len(keys))], np.float64)
    if not values.any():
        raise ValueError(
            f"At least one class should have a weight above 0. Received: {dict(weights)}."
        )
    return values


def _is_weight(weight: Any) -> bool:
    known = isinstance(weight, numbers.Real | np.bool_)
    return known and bool(np.isfinite(float(weight))) and weight >= 0
