"""What `fit` does where pixels lie on contours or not."""

import dataclasses
from typing import Any, ClassVar

import keras
import numpy as np

from kerasnorm._validation import require
from kerasnorm.imbalance import BoundaryFScore, ClassBalancedBinaryCrossentropy, ClassCounts
from kerasnorm.recipe._recipe import Recipe
from kerasnorm.recipe.examples._examples import Examples
from kerasnorm.recipe.examples._kind import check_choices
from kerasnorm.recipe.examples._label_maps import LabelMaps
from kerasnorm.recipe.results import ContourEvaluation, tolerance_for

_CHOICES = {
    "transfer": ("fine_tune", "freeze", "scratch", None),
    "loss": ("cross_entropy",),
    "imbalance": (None, "resample"),
    "correction": (None,),
}
_THRESHOLDS = 9  # in each epoch: thinning and matching take time


@dataclasses.dataclass(frozen=True)
class Contours(LabelMaps):
    """The kind of task in which one map tells which pixels lie on a contour; see `LabelMaps`."""

    evaluation: ClassVar[type[ContourEvaluation]] = ContourEvaluation

    def names(self, count: int) -> tuple[str, ...]:
        """Returns what 0 and 1 are."""
        return ("background", "contour")

    def units(self, classes: int) -> int:
        """Returns 1: the map of contours."""
        return 1

    def check(self, recipe: Recipe) -> None:
        """Refuses what is for classes; the loss weighs contours against the rest by itself.

        Raises:
            ValueError: that lists what can be used.
            ImportError: if scikit-image or SciPy is missing.
        """
        check_choices(recipe, "Pixels lie on contours or not", _CHOICES)
        require("skimage", extra="contours")
        require("scipy")

    def class_weight(self, recipe: Recipe, counts: ClassCounts) -> None:
        """Returns none: the loss has them, for each image."""

    def loss(
        self, recipe: Recipe, examples: Examples, classes: int, logits: bool
    ) -> keras.losses.Loss:
        """Returns the loss of Xie and Tu, in which both classes of an image weigh the same."""
        return ClassBalancedBinaryCrossentropy(logits, self.ignore_class)

    def metrics(self, classes: int, logits: bool, examples: Examples) -> list[Any]:
        """Returns what is measured in each epoch: ODS and OIS, at few thresholds."""
        labels = next(examples.batches())[1]
        tolerance = tolerance_for(np.asarray(labels).shape[1:])
        return [
            BoundaryFScore(tolerance, _THRESHOLDS, logits, self.ignore_class, thin=True),
        ]
