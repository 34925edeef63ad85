"""How well a model does on held-out examples, class by class."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerasnorm.recipe.calibration import Calibration, calibration


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """The confusion matrix on held-out examples, and what follows from it.

    Attributes:
        class_names: (K) the names.
        train_counts: (K,) the examples of each class in training.
        confusion: (K, K) counts: a row a true class, a column a predicted one.
        calibration: a `Calibration`, how sure the model is and how often it is right; or None.

    Example:

    >>> evaluation = Evaluation(("cat", "dog"), np.array([90, 10]), np.array([[8, 2], [3, 1]]))
    >>> evaluation.per_class_recall
    array([0.8 , 0.25])
    >>> evaluation.balanced_accuracy
    0.525
    """

    class_names: Sequence[str]
    train_counts: np.ndarray
    confusion: np.ndarray
    calibration: Calibration | None = None

    @classmethod
    def of(
        cls,
        class_names: Sequence[str],
        train_counts: np.ndarray,
        labels: np.ndarray,
        outputs: np.ndarray,
        logits: bool,
    ) -> "Evaluation":
        """Returns the evaluation of outputs (N, K), logits or probabilities, for labels (N,)."""
        confusion = confusion_matrix(labels, outputs.argmax(axis=-1), len(class_names))
        measured = calibration(labels, outputs, logits)
        return cls(class_names, train_counts, confusion, measured)

    @property
    def per_class_recall(self) -> np.ndarray:
        """The share of each class that is recognised, (K,); NaN for one with no example here."""
        examples = self.confusion.sum(axis=1)
        hits = np.diag(self.confusion)
        return np.where(examples > 0, hits / np.maximum(examples, 1), np.nan)

    @property
    def balanced_accuracy(self) -> float:
        """The mean recall of the classes that have examples here."""
        return float(np.nanmean(self.per_class_recall))

    @property
    def accuracy(self) -> float:
        """The share of all examples that is recognised."""
        return float(np.trace(self.confusion) / self.confusion.sum())

    def to_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold: the figures above, None for NaN."""
        recall = [None if np.isnan(value) else float(value) for value in self.per_class_recall]
        return {
            "balanced_accuracy": self.balanced_accuracy,
            "accuracy": self.accuracy,
            "per_class_recall": recall,
            "class_names": list(self.class_names),
            "train_counts": np.asarray(self.train_counts).tolist(),
            "confusion": self.confusion.tolist(),
            "calibration": self.calibration and self.calibration._asdict(),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Evaluation":
        """Returns the evaluation that `to_dict` has written."""
        measured = content.get("calibration")
        return cls(
            tuple(content["class_names"]),
            np.array(content["train_counts"]),
            np.array(content["confusion"]),
            measured and Calibration(**measured),
        )


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Returns the counts of (true, predicted) pairs, (K, K).

    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2)
    array([[1, 1],
           [0, 1]])
    """
    pairs = np.bincount(classes * labels + predicted, minlength=classes**2)
    return pairs.reshape(classes, classes)
