"""What `fit` does where one output tells two classes."""

import dataclasses
from typing import Any, ClassVar

import keras
import numpy as np

from kerasnorm.imbalance import (
    AveragePrecision,
    BalancedAccuracy,
    ClassCounts,
    ClassWeights,
    class_weights,
)
from kerasnorm.recipe._recipe import Recipe
from kerasnorm.recipe.examples._examples import Examples
from kerasnorm.recipe.examples._kind import check_choices
from kerasnorm.recipe.examples._label_loss import label_loss
from kerasnorm.recipe.results import BinaryEvaluation
from kerasnorm.transfer import with_head

_CHOICES = {
    "transfer": ("fine_tune", "freeze", "scratch", None),
    "loss": ("cross_entropy", "focal"),
    "imbalance": (None, "class_weights", "resample"),
    "correction": (
        *(None, "adjust_logits", "retrain_classifier"),
        *("tune_thresholds", "scale_temperature"),
    ),
}


@dataclasses.dataclass(frozen=True)
class TwoClasses:
    """The kind of task in which one output, a logit or a sigmoid, tells class 1 from class 0.

    Attributes:
        ignore_class: the label that is left out; there is none.
        evaluation: the class of its evaluations.
    """

    ignore_class: ClassVar[None] = None
    evaluation: ClassVar[type[BinaryEvaluation]] = BinaryEvaluation

    def names(self, count: int) -> tuple[str, ...]:
        """Returns the numbers of the classes."""
        return ("0", "1")

    def units(self, classes: int) -> int:
        """Returns 1: the output for class 1."""
        return 1

    def classes_of(self, labels: np.ndarray, classes: int) -> np.ndarray:
        """Returns the classes of some labels, (N,)."""
        return labels

    def check(self, recipe: Recipe) -> None:
        """Refuses what needs an output for each class."""
        check_choices(recipe, "One output tells two classes", _CHOICES, one_class=True)

    def with_head(self, model: keras.Model, classes: int) -> keras.Model:
        """Returns the model as it is, on raw images: its one output has learnt something."""
        return with_head(model, classes)

    def check_fit(self, name: str, examples: Examples, model: keras.Model) -> None:
        """Refuses labels that do not fit the outputs: nothing that `fine_tune` does not."""

    def keeps_features(self, model: keras.Model, examples: Examples) -> bool:
        """Returns whether features are kept while the head trains alone."""
        return True

    def class_counts(self, examples: Examples, classes: int) -> Any:
        """Returns the weight of the examples of each class, (2,)."""
        return examples.weighed_counts(classes)

    def class_weight(self, recipe: Recipe, counts: ClassCounts) -> ClassWeights | None:
        """Returns the weights of the two classes."""
        if recipe.imbalance != "class_weights":
            return None
        return class_weights(counts, **recipe.imbalance_settings)

    def loss(
        self, recipe: Recipe, examples: Examples, classes: int, logits: bool
    ) -> keras.losses.Loss:
        """Returns the loss of the recipe."""
        return label_loss(recipe, None, logits)

    def metrics(self, classes: int, logits: bool, examples: Examples) -> list[Any]:
        """Returns what is measured in each epoch."""
        threshold = 0.0 if logits else 0.5
        return [
            BalancedAccuracy(2, threshold=threshold),
            AveragePrecision(1, from_logits=logits),
            keras.metrics.BinaryAccuracy("accuracy", threshold=threshold),
        ]
