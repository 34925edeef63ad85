"""How well a model does on the pixels of held-out label maps, class by class."""

from typing import Any, ClassVar

import numpy as np

from kerasnorm.recipe.results._evaluation import Evaluation, shares, without_nan


class MapEvaluation(Evaluation):
    """The confusion matrix of pixels, and what follows from it.

    As `Evaluation`, with pixels for examples; pixels of the `ignore_class` are in none of them.

    Attributes:
        class_names: Names of the classes, (K,).
        train_counts: (K,) the pixels of each class in training.
        confusion: (K, K) counts of pixels: one row per true class, one column per predicted class.
        calibration: A `Calibration`, how sure the model is and how often it is right; or None.

    Example:

    >>> confusion = np.array([[90, 6, 0], [2, 2, 0], [0, 0, 0]])
    >>> evaluation = MapEvaluation(("road", "car", "sign"), np.array([900, 80, 20]), confusion)
    >>> evaluation.per_class_iou
    array([0.918..., 0.2 , nan])
    >>> round(evaluation.mean_iou, 3), evaluation.accuracy
    (0.559, 0.92)

    See also:
        `Evaluation`, for classes of images; `fit`.
    """

    unit: ClassVar[str] = "pixel"
    score_name: ClassVar[str] = "mean IoU"
    monitor: ClassVar[str] = "val_mean_iou"

    @property
    def per_class_iou(self) -> np.ndarray:
        """Intersection over union, (K,); NaN for a class that is neither there nor predicted."""
        hits = np.diag(self.confusion)
        union = self.confusion.sum(axis=0) + self.confusion.sum(axis=1) - hits
        return shares(hits, union)

    @property
    def mean_iou(self) -> float:
        """The mean over the classes that are there or predicted."""
        return float(np.nanmean(self.per_class_iou))

    def summary(self) -> dict[str, float]:
        return {
            self.score_name: self.mean_iou,
            "balanced accuracy": self.balanced_accuracy,
            "pixel accuracy": self.accuracy,
        }

    def by_class(self) -> dict[str, np.ndarray]:
        return {"IoU": self.per_class_iou, "recall": self.per_class_recall}

    def to_dict(self) -> dict[str, Any]:
        figures = {"mean_iou": self.mean_iou, "per_class_iou": without_nan(self.per_class_iou)}
        return {**figures, **super().to_dict()}
