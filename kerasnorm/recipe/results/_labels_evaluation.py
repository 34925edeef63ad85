"""How well each of several labels is found on held-out examples."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from kerasnorm.recipe.results._average_precision import average_precision
from kerasnorm.recipe.results._binary_evaluation import two_outputs
from kerasnorm.recipe.results._calibration import binned, calibration, read_calibration
from kerasnorm.recipe.results._evaluation import (
    Evaluation,
    confusion_matrix,
    read_counts,
    read_names,
    shares,
    without_nan,
)


@dataclasses.dataclass(frozen=True, eq=False)
class LabelsEvaluation(Evaluation):
    """The confusion of presence and absence of each label, and how well it is ranked.

    A label is given where its logit is above 0, or its probability above ½.

    Attributes:
        class_names: (K,) the names of the labels.
        train_counts: (K,) the examples with each label in training.
        confusion: (K, 2, 2) counts: for each label a row for its absence and one for its presence,
            a column for what is predicted.
        calibration: a `Calibration` of all decisions, one a label of each example; or None.
        per_label_average_precision: (K,), how well the examples with each label are ranked first,
            at all thresholds; by chance it is about their share. NaN without one here.

    Example:

    >>> labels, logits = np.array([[1, 0], [1, 1], [0, 0]]), np.array([[2, -1], [1, 3], [1.5, -2]])
    >>> evaluation = LabelsEvaluation.of(("sky", "sea"), np.array([9, 3]), [(labels, logits)], True)
    >>> evaluation.per_label_average_precision
    array([0.833..., 1. ])
    >>> {name: round(figure, 3) for name, figure in evaluation.summary().items()}
    {'average precision': 0.917, 'F1': 0.9, 'balanced accuracy': 0.75}

    See also:
        `fit`, whose `Run` has it; `Evaluation`, for one class an example.
    """

    per_label_average_precision: np.ndarray = dataclasses.field(default_factory=lambda: np.empty(0))

    score_name: ClassVar[str] = "average precision"
    monitor: ClassVar[str] = "val_average_precision"

    @classmethod
    def of(
        cls,
        class_names: Sequence[str],
        train_counts: np.ndarray,
        batches: Iterable[tuple[np.ndarray, ...]],
        logits: bool,
        ignore_class: int | None = None,
    ) -> Self:
        """Returns the evaluation of outputs (N, K), as `Evaluation.of` does."""
        labels, outputs, *more = map(np.concatenate, zip(*batches, strict=True))
        weights = more[0] if more else None
        present, count = labels > 0, len(class_names)
        above = outputs > (0 if logits else 0.5)
        columns = range(count)
        confusion = [
            confusion_matrix(present[:, k].astype(int), above[:, k].astype(int), 2, weights)
            for k in columns
        ]
        precision = [average_precision(present[:, k], outputs[:, k], weights) for k in columns]
        each = None if weights is None else np.repeat(weights, count)
        flat = present.astype(int).ravel(), two_outputs(outputs.ravel(), logits)
        bins = binned(*flat, logits, each)
        return cls(
            class_names, train_counts, np.array(confusion), calibration(bins), np.array(precision)
        )

    @property
    def held_out(self) -> int:
        """How many examples there are here."""
        return int(self.confusion[0].sum())

    @property
    def support(self) -> np.ndarray:
        """How many examples have each label here, (K,)."""
        return self.confusion[:, 1].sum(axis=1)

    @property
    def per_class_recall(self) -> np.ndarray:
        """The share of the examples with each label that get it, (K,); NaN without one here."""
        return shares(self.confusion[:, 1, 1], self.confusion[:, 1].sum(axis=1))

    @property
    def per_label_precision(self) -> np.ndarray:
        """The share of what is given each label that has it, (K,); NaN where nothing is."""
        return shares(self.confusion[:, 1, 1], self.confusion[:, :, 1].sum(axis=1))

    @property
    def per_label_f1(self) -> np.ndarray:
        """2 · hits / (labelled + predicted), (K,); NaN for what is neither."""
        hits = self.confusion[:, 1, 1]
        seen = self.confusion[:, 1].sum(axis=1) + self.confusion[:, :, 1].sum(axis=1)
        return shares(2 * hits, seen)

    @property
    def balanced_accuracy(self) -> float:
        """The mean over labels of the mean recall of presence and absence."""
        recalls = shares(np.diagonal(self.confusion, axis1=1, axis2=2), self.confusion.sum(axis=2))
        there = ~np.isnan(recalls)
        found = np.where(there, recalls, 0).sum(axis=1) / there.sum(axis=1)
        return float(found.mean())

    @property
    def accuracy(self) -> float:
        """The share of all decisions, one a label of each example, that is right."""
        return float(np.trace(self.confusion.sum(axis=0)) / self.confusion.sum())

    @property
    def macro_average_precision(self) -> float:
        """The mean over the labels that have examples here."""
        return float(np.nanmean(self.per_label_average_precision))

    def summary(self) -> dict[str, float]:
        return {
            self.score_name: self.macro_average_precision,
            "F1": float(np.nanmean(self.per_label_f1)),
            "balanced accuracy": self.balanced_accuracy,
        }

    def by_class(self) -> dict[str, np.ndarray]:
        return {
            "average precision": self.per_label_average_precision,
            "recall": self.per_class_recall,
            "precision": self.per_label_precision,
        }

    def to_dict(self) -> dict[str, Any]:
        own = {
            "macro_average_precision": self.macro_average_precision,
            "per_label_average_precision": without_nan(self.per_label_average_precision),
            "per_label_f1": without_nan(self.per_label_f1),
            "per_label_precision": without_nan(self.per_label_precision),
        }
        return {**own, **super().to_dict()}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        names = read_names(content)
        counts = read_counts(content, "train_counts", (len(names),))
        confusion = read_counts(content, "confusion", (len(names), 2, 2))
        figures = content.get("per_label_average_precision")
        if not isinstance(figures, list) or len(figures) != len(names):
            raise ValueError(f"There should be {len(names)} figures. Received: {figures!r}.")
        precision = np.array([np.nan if each is None else each for each in figures], float)
        measured = content.get("calibration")
        read = None if measured is None else read_calibration(measured)
        return cls(names, counts, confusion, read, precision)
