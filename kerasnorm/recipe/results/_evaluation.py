"""Evaluates a model on held-out examples, class by class."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from kerasnorm.recipe.results._calibration import (
    Calibration,
    binned,
    calibration,
    read_calibration,
)


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """Confusion matrix on held-out examples, and metrics computed from it.

    Attributes:
        class_names: Names of the classes, (K,).
        train_counts: Number of training examples of each class, (K,).
        confusion: (K, K) counts: one row per true class, one column per predicted class.
        calibration: A `Calibration`, how sure the model is and how often it is right; or None.

    Example:

    >>> evaluation = Evaluation(("cat", "dog"), np.array([90, 10]), np.array([[8, 2], [3, 1]]))
    >>> evaluation.per_class_recall
    array([0.8 , 0.25])
    >>> evaluation.balanced_accuracy
    0.525

    See also:
        `fit`, whose `Run` has it; `MapEvaluation`, for label maps.
    """

    class_names: Sequence[str]
    train_counts: np.ndarray
    confusion: np.ndarray
    calibration: Calibration | None = None

    unit: ClassVar[str] = "example"  # what is counted
    score_name: ClassVar[str] = "balanced accuracy"  # the one figure that sums it up
    monitor: ClassVar[str] = "val_balanced_accuracy"  # that figure in the history

    @classmethod
    def of(
        cls,
        class_names: Sequence[str],
        train_counts: np.ndarray,
        batches: Iterable[tuple[np.ndarray, ...]],
        logits: bool,
        ignore_class: int | None = None,
    ) -> Self:
        """Returns the evaluation of outputs, of which only a batch is in memory at a time.

        Args:
            class_names, train_counts: As above.
            batches: Labels (N, ...) and outputs (N, ..., K) of each, and perhaps the weights of
                the examples (N,), which count for so many.
            logits: Whether the outputs are logits rather than probabilities.
            ignore_class: The label of what is left out. Defaults to None.
        """
        classes = len(class_names)
        confusion, bins = np.zeros((classes, classes), np.int64), 0
        for labels, outputs, *of_examples in batches:
            used = np.ones(labels.shape, bool) if ignore_class is None else labels != ignore_class
            weights = None
            if of_examples:
                shape = (-1, *[1] * (labels.ndim - 1))
                weights = np.broadcast_to(of_examples[0].reshape(shape), labels.shape)[used]
            labels, outputs = labels[used].astype(np.int64), outputs[used]
            found = confusion_matrix(labels, outputs.argmax(axis=-1), classes, weights)
            confusion = confusion + found
            bins = bins + binned(labels, outputs, logits, weights)
        if not confusion.any():
            raise ValueError(f"There is no {cls.unit} to judge by: each is {ignore_class=}.")
        return cls(class_names, train_counts, confusion, calibration(bins))

    @property
    def held_out(self) -> int:
        """How many examples, or pixels, there are here."""
        return int(self.confusion.sum())

    @property
    def per_class_recall(self) -> np.ndarray:
        """Recall of each class, (K,); NaN for a class without examples here."""
        return shares(np.diag(self.confusion), self.confusion.sum(axis=1))

    @property
    def support(self) -> np.ndarray:
        """How many examples of each class there are here, (K,)."""
        return self.confusion.sum(axis=1)

    @property
    def balanced_accuracy(self) -> float:
        """The mean recall of the classes that have examples here."""
        return float(np.nanmean(self.per_class_recall))

    @property
    def accuracy(self) -> float:
        """Accuracy over all examples."""
        return float(np.trace(self.confusion) / self.confusion.sum())

    def summary(self) -> dict[str, float]:
        """Returns the figures about all classes together by name, `score_name` first."""
        return {self.score_name: self.balanced_accuracy}

    def by_class(self) -> dict[str, np.ndarray]:
        """Returns the figures (K,) about each class by name, the one to judge by first."""
        return {"recall": self.per_class_recall}

    @property
    def score(self) -> float:
        """The figure of `score_name`."""
        return self.summary()[self.score_name]

    def to_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold: the figures above, None for NaN."""
        return {
            "balanced_accuracy": self.balanced_accuracy,
            "accuracy": self.accuracy,
            "per_class_recall": without_nan(self.per_class_recall),
            "class_names": list(self.class_names),
            "train_counts": np.asarray(self.train_counts).tolist(),
            "confusion": self.confusion.tolist(),
            "calibration": self.calibration and self.calibration._asdict(),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Returns the evaluation that `to_dict` has written.

        Raises:
            ValueError: If the content is none.
        """
        names, counts = read_names(content), content.get("train_counts")
        rows, size = content.get("confusion"), len(names)
        whole = isinstance(rows, list) and len(rows) == size
        for name, row in [("train_counts", counts), *[("confusion", row) for row in rows or ()]]:
            fits = isinstance(row, list) and len(row) == size
            if not whole or not fits or not all(is_number(n) and 0 <= n < 2**53 for n in row):
                raise ValueError(f"`{name}` should have {size} counts in a row. Received: {row!r}.")
        measured = content.get("calibration")
        return cls(
            names,
            np.array(counts),
            np.array(rows),
            None if measured is None else read_calibration(measured),
        )


def is_number(value: Any) -> bool:
    """Returns whether a value of JSON is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def read_names(content: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the names of the classes that JSON holds; ValueError if there are none."""
    names = content.get("class_names")
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise ValueError(f"`class_names` should be a list of strings. Received: {names!r}.")
    return tuple(names)


def read_counts(content: Mapping[str, Any], name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Returns the counts of that shape that JSON holds in lists; ValueError if it does not."""
    rows = content.get(name)
    flat = np.array(rows, dtype=object)
    whole = flat.shape == shape and all(is_number(n) and 0 <= n < 2**53 for n in flat.flat)
    if not whole:
        raise ValueError(f"`{name}` should have counts of shape {shape}. Received: {rows!r}.")
    return np.array(rows)


def confusion_matrix(
    labels: np.ndarray, predicted: np.ndarray, classes: int, weights: np.ndarray | None = None
) -> np.ndarray:
    """Returns the counts, or the sums of weights, of (true, predicted) pairs, (K, K).

    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2)
    array([[1, 1],
           [0, 1]])
    """
    pairs = np.bincount(classes * labels + predicted, weights, minlength=classes**2)
    return pairs.reshape(classes, classes)


def without_nan(values: np.ndarray) -> list[float | None]:
    """Returns the values as JSON can hold them."""
    return [None if np.isnan(value) else float(value) for value in values]


def shares(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Returns part / whole, NaN where there is nothing."""
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)
