"""The running counts of a pass over numeric labels."""

import numpy as np

from kerasnorm.data import (
    as_integers,
    check_no_mark,
    check_not_huge,
    check_range,
    check_zero_one,
    has_class_axis,
)
from kerasnorm.imbalance.counting._class_counts import ClassCounts


class Tally:
    """Adds up batches of labels; the first batch decides which form they have."""

    def __init__(self, num_classes: int | None, ignore_class: int | None) -> None:
        self._num_classes = num_classes
        self._ignore_class = ignore_class
        self._form: str | None = None  # "numbers", "rows" or "one-hot maps"
        self._counts = np.zeros(num_classes or 0, np.int64)
        self._image_pixels = np.zeros_like(self._counts)
        self._maps = False

    def add(self, labels: np.ndarray) -> None:
        """Counts a batch: (N, ...), numeric, the same form as the batches before."""
        if self._form is None:
            self._form = self._find_form(labels)
        if self._form == "rows":
            self._add_rows(labels)
            return
        if self._form == "one-hot maps":
            labels = _undo_one_hot(labels)
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
            check_no_mark(len(self._counts), 254 in np.flatnonzero(self._counts))
        return ClassCounts(
            self._counts,
            ignore_class=self._ignore_class,
            image_pixels=self._image_pixels if self._maps else None,
        )

    def _find_form(self, labels: np.ndarray) -> str:
        columns = labels.shape[-1]
        integer = labels.dtype.kind in "iu"
        if (
            not has_class_axis(labels.shape, integer, columns)
            or ((labels != 0) & (labels != 1)).any()
            or (self._ignore_class is not None and integer)
        ):
            return "numbers"
        if labels.ndim == 2:
            if self._ignore_class is not None:
                raise ValueError(
                    f"Labels of shape {labels.shape} with only 0 and 1 are read as one-hot or "
                    f"multilabel, where ignore_class={self._ignore_class} means nothing. If they "
                    "are class numbers, pass them as integers."
                )
            if self._num_classes not in (None, columns):
                raise ValueError(
                    f"Labels of shape {labels.shape} with only 0 and 1 are read as one-hot or "
                    f"multilabel, which does not fit num_classes={self._num_classes}. If they "
                    "are class numbers, one a position, pass them as `y[..., None]`."
                )
            return "rows"
        one_hot = self._num_classes in (None, columns) and (labels.sum(axis=-1) == 1).all()
        return "one-hot maps" if one_hot else "numbers"

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


def _undo_one_hot(labels: np.ndarray) -> np.ndarray:
    check_zero_one(labels)
    if (labels.sum(axis=-1) != 1).any():
        raise ValueError(
            "One-hot maps should have exactly one 1 on the last axis at every position, as those "
            "before had."
        )
    return labels.argmax(axis=-1)
