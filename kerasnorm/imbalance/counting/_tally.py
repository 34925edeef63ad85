"""Counts numeric labels batch by batch."""

import numpy as np

from kerasnorm.data import (
    Form,
    as_integers,
    check_no_mark,
    check_not_huge,
    check_range,
    check_zero_one,
    form_of,
    undo_one_hot,
)
from kerasnorm.imbalance.counting._class_counts import ClassCounts


class Tally:
    """Adds up batches of labels; the first batch decides which form they have."""

    def __init__(self, num_classes: int | None, ignore_class: int | None) -> None:
        self._num_classes = num_classes
        self._ignore_class = ignore_class
        self._form: Form | None = None
        self._counts = np.zeros(num_classes or 0, np.int64)
        self._image_pixels = np.zeros_like(self._counts)
        self._maps = False

    def add(self, labels: np.ndarray) -> None:
        """Counts a batch: (N, ...), numeric, the same form as the batches before."""
        if self._form is None:
            self._form = form_of(labels, self._num_classes, self._ignore_class)
        if self._form is Form.ROWS:
            self._add_rows(labels)
            return
        if self._form is Form.ONE_HOT_MAPS:
            labels = undo_one_hot(labels)
        if labels.size == len(labels):
            self._add_numbers(labels)
            return
        self._maps = True
        for image in labels:
            self._add_numbers(image)

    def result(self) -> ClassCounts:
        """The counts so far."""
        if not self._counts.any():
            raise ValueError(
                "There are no labels to count: all of them are "
                f"ignore_class={self._ignore_class}, or no row has a 1."
            )
        if self._num_classes is None:
            check_no_mark(np.flatnonzero(self._counts))
        return ClassCounts(
            self._counts,
            ignore_class=self._ignore_class,
            image_pixels=self._image_pixels if self._maps else None,
        )

    def _add_rows(self, labels: np.ndarray) -> None:
        check_zero_one(labels)
        self._extend(labels.shape[-1])
        self._counts += labels.sum(axis=0, dtype=np.int64)

    def _add_numbers(self, labels: np.ndarray) -> None:
        """Counts labels that belong to one image, or the class labels of any number of examples."""
        numbers = as_integers(labels).ravel()
        if self._ignore_class is not None:
            numbers = numbers[numbers != self._ignore_class]
        check_range(numbers, self._num_classes)
        check_not_huge(numbers)
        found = np.bincount(numbers, minlength=len(self._counts))
        self._extend(len(found))
        self._counts += found
        self._image_pixels[found > 0] += numbers.size

    def _extend(self, num_classes: int) -> None:
        more = num_classes - len(self._counts)
        if more > 0:
            self._counts = np.pad(self._counts, (0, more))
            self._image_pixels = np.pad(self._image_pixels, (0, more))
