"""Finds the classes of each example, for all forms of labels."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasnorm.data._label_checks import check_count, check_no_mark, check_not_huge, check_range
from kerasnorm.data._labels import Form, as_integers, form_of, read_labels, undo_one_hot


@dataclasses.dataclass(frozen=True, eq=False)
class Members:
    """The classes of the examples.

    Attributes:
        size: N, the number of examples.
        rows, classes: Example and class of each pair that goes together, once.
        num_classes: K as far as it is known: by name, by column, or by the largest label.
        one_each: Whether every example has one class, and the form of the labels says so.
    """

    size: int
    rows: np.ndarray
    classes: np.ndarray
    num_classes: int
    one_each: bool

    def counts(self) -> np.ndarray:
        """Returns the number of examples that have each class, int64 (K,)."""
        return np.bincount(self.classes, minlength=self.num_classes)

    def single(self) -> np.ndarray:
        """Returns the class of each example, (N,)."""
        if self.one_each:
            return self.classes
        raise ValueError(
            "Examples should have one class each: labels (N,), (N, 1), or one-hot (N, K). "
            "Received: label maps, sequences, multilabel rows or ignored labels. Use "
            "strategy='repeat_factor', or pass the class of each example as `labels=`, or how "
            "often to draw it as `weights=`."
        )

    def single_or_none(self) -> np.ndarray | None:
        """Returns the class of each example, (N,); None if one has none or several."""
        return self.classes if self.one_each else None

    def largest(self, of_class: np.ndarray) -> np.ndarray:
        """Returns the largest value among the classes of each example; 1 where it has none."""
        values = np.full(self.size, -np.inf)
        np.maximum.at(values, self.rows, of_class[self.classes])
        return np.where(np.isneginf(values), 1.0, values)


def find_members(
    y: Any,
    num_classes: int | None = None,
    ignore_class: int | None = None,
    count: int | None = None,
) -> Members:
    """Reads the labels of examples: (N,), (N, 1), one-hot or multilabel (N, K), or (N, ...).

    `ignore_class` is the label of positions that have none; `count` how many examples there are.
    """
    labels = read_labels(y)
    size, form = len(labels), form_of(labels, num_classes, ignore_class)
    check_count(size, count)
    if form is Form.ROWS:
        rows, classes = np.nonzero(labels)
        one_hot = bool((np.count_nonzero(labels, axis=1) == 1).all())
        return Members(size, rows, classes, labels.shape[1], one_hot)
    if form is Form.NAMES:
        names, labels = np.unique(labels, return_inverse=True)
        num_classes = len(names) if num_classes is None else num_classes
    elif form is Form.ONE_HOT_MAPS:
        num_classes, labels = labels.shape[-1], undo_one_hot(labels)
    numbers = as_integers(labels).reshape(size, -1)
    keep = np.ones(numbers.shape, bool) if ignore_class is None else numbers != ignore_class
    inside = numbers[keep]
    check_range(inside, num_classes)
    check_not_huge(inside)
    if num_classes is None:
        num_classes = int(inside.max(initial=-1)) + 1
        if num_classes > 254:
            check_no_mark(np.unique(inside))
    if numbers.shape[1] == 1:
        return Members(size, np.flatnonzero(keep), inside, num_classes, bool(keep.all()))
    found = [np.unique(each[kept]) for each, kept in zip(numbers, keep, strict=True)]
    rows = np.repeat(np.arange(size), [len(each) for each in found])
    return Members(size, rows, np.concatenate(found), num_classes, one_each=False)


def as_rows(found: Sequence[np.ndarray], num_classes: int) -> np.ndarray:
    """Returns the classes found in each example as rows, bool (N, K)."""
    rows = np.zeros((len(found), num_classes), bool)
    for row, classes in zip(rows, found, strict=True):
        row[classes] = True
    return rows
