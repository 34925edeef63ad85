"""How well contours are found in held-out images."""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

import keras
import numpy as np

from kerasnorm.imbalance import BoundaryFScore
from kerasnorm.recipe.results._evaluation import Evaluation, is_number, read_counts, read_names

_THRESHOLDS = 33
_OF_DIAGONAL = 0.0075  # as the Berkeley benchmark has it
_FIGURES = ("ods", "ois", "precision", "recall", "threshold")


def tolerance_for(size: Sequence[int]) -> float:
    """Returns how far a pixel may be from the contour it is matched with, in pixels.

    That is 0.0075 of the diagonal, and at least 1.

    >>> tolerance_for((321, 481)), tolerance_for((64, 64))
    (4.33..., 1.0)
    """
    return max(_OF_DIAGONAL * math.hypot(*size), 1.0)


@dataclasses.dataclass(frozen=True, eq=False)
class ContourEvaluation(Evaluation):
    """F-measure of contours, which are thinned and matched pixel by pixel, as in `BoundaryFScore`.

    The matching is bipartite, one to one, within 0.0075 of the diagonal (at least a pixel), at 33
    thresholds.

    Attributes:
        class_names: (1,) what contours are called.
        train_counts: (1,) the pixels on contours in training.
        confusion: (1, 2) counts of labelled pixels at the best threshold: missed, and found.
        calibration: None.
        ods: F at the threshold that is best for all images.
        ois: F with each image at its own best threshold.
        precision, recall: Those at the threshold of `ods`.
        threshold: That of `ods`, a probability.

    Example:

    >>> found = ContourEvaluation(("contour",), np.array([90]), np.array([[2, 8]]), ods=0.75,
    ...                           ois=0.8, precision=0.7, recall=0.8)
    >>> found.score_name, found.score
    ('ODS-F', 0.75)

    References:
        Arbeláez et al., 2011, Contour detection and hierarchical image segmentation,
        https://doi.org/10.1109/TPAMI.2010.161

    See also:
        `fit`, whose `Run` has it; `Evaluation`, for one class an example.
    """

    ods: float = 0.0
    ois: float = 0.0
    precision: float = 0.0
    recall: float = 0.0
    threshold: float = 0.5

    unit: ClassVar[str] = "pixel"
    score_name: ClassVar[str] = "ODS-F"
    monitor: ClassVar[str] = "val_ods"

    @classmethod
    def of(
        cls,
        class_names: Sequence[str],
        train_counts: np.ndarray,
        batches: Iterable[tuple[np.ndarray, ...]],
        logits: bool,
        ignore_class: int | None = None,
    ) -> Self:
        """Returns the evaluation of maps (N, H, W, 1), as `Evaluation.of` does."""
        metric = None
        for labels, outputs, *weights in batches:
            if metric is None:
                tolerance = tolerance_for(labels.shape[1:])
                metric = BoundaryFScore(tolerance, _THRESHOLDS, logits, ignore_class, thin=True)
            metric.update_state(labels, outputs.astype("float32"), *weights)
        if metric is None:
            raise ValueError(f"There is no {cls.unit} to judge by.")
        counts = np.asarray(keras.ops.convert_to_numpy(metric.counts), np.float64)[:, :-1]
        pairs, predicted, labelled = counts
        scores = {name: float(value) for name, value in metric.result().items()}
        best = int(np.argmax(2 * pairs / np.maximum(predicted + labelled, 1)))
        found = pairs[best]
        return cls(
            tuple(class_names[-1:]),
            np.asarray(train_counts)[-1:],
            np.array([[labelled[best] - found, found]]),
            None,
            **scores,
            precision=float(found / max(predicted[best], 1)),
            recall=float(found / max(labelled[best], 1)),
            threshold=(best + 1) / (_THRESHOLDS + 1),
        )

    @property
    def per_class_recall(self) -> np.ndarray:
        """The share of the contours that is found, (1,)."""
        return np.array([self.recall])

    @property
    def accuracy(self) -> float:
        """The share of the labelled pixels that is found."""
        return self.recall

    def summary(self) -> dict[str, float]:
        return {
            self.score_name: self.ods,
            "OIS-F": self.ois,
            "precision": self.precision,
        }

    def by_class(self) -> dict[str, np.ndarray]:
        return {"recall": self.per_class_recall}

    def to_dict(self) -> dict[str, Any]:
        return {**{name: getattr(self, name) for name in _FIGURES}, **super().to_dict()}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        figures = {name: content.get(name) for name in _FIGURES}
        wrong = [name for name, value in figures.items() if not is_number(value)]
        if wrong:
            raise ValueError(f"`{wrong[0]}` should be a number. Received: {figures[wrong[0]]!r}.")
        counts = read_counts(content, "train_counts", (1,))
        return cls(
            read_names(content), counts, read_counts(content, "confusion", (1, 2)), **figures
        )
