"""What `fit` does where an example may have several labels."""

import dataclasses
from typing import Any, ClassVar

import keras
import numpy as np

from kerasnorm._validation import listed
from kerasnorm.imbalance import AveragePrecision, ClassCounts, class_weights
from kerasnorm.models import classes_of, ends_in, gives_logits
from kerasnorm.recipe._recipe import Recipe
from kerasnorm.recipe.examples._examples import Examples
from kerasnorm.recipe.examples._kind import check_choices
from kerasnorm.recipe.examples._label_loss import label_loss
from kerasnorm.recipe.results import LabelsEvaluation
from kerasnorm.transfer import is_backbone, replace_head, with_head

_CHOICES = {
    "transfer": ("fine_tune", "freeze", "scratch", None),
    "loss": ("cross_entropy", "focal"),
    "imbalance": (None, "class_weights", "resample"),
    "correction": (None, "adjust_logits", "tune_thresholds", "scale_temperature"),
}


@dataclasses.dataclass(frozen=True)
class SeveralLabels:
    """The kind of task in which each example has any of K labels, one output for each.

    Attributes:
        ignore_class: the label that is left out; there is none.
        evaluation: the class of its evaluations.
    """

    ignore_class: ClassVar[None] = None
    evaluation: ClassVar[type[LabelsEvaluation]] = LabelsEvaluation

    def names(self, count: int) -> tuple[str, ...]:
        """Returns the numbers of the labels."""
        return tuple(map(str, range(count)))

    def units(self, classes: int) -> int:
        """Returns one output for each label."""
        return classes

    def classes_of(self, labels: np.ndarray, classes: int) -> np.ndarray:
        """Returns which labels each example has, bool (N, K)."""
        return labels > 0

    def check(self, recipe: Recipe) -> None:
        """Refuses what needs one class an example."""
        check_choices(recipe, "An example may have several labels", _CHOICES)

    def with_head(self, model: keras.Model, classes: int) -> keras.Model:
        """Returns the model as it is, or with a new head if the labels are others.

        Under a softmax classes exclude one another, so that its place is taken by a sigmoid.
        """
        if is_backbone(model):
            return with_head(model, classes)
        softmax = not gives_logits(model) and not ends_in(model, "sigmoid")
        if classes_of(model) != classes or softmax:
            return replace_head(model, classes, several=True)
        return with_head(model, classes)

    def check_fit(self, name: str, examples: Examples, model: keras.Model) -> None:
        """Refuses rows of another length than the model's outputs."""
        found, units = examples.classes.shape[1], classes_of(model)
        if found != units:
            raise ValueError(
                f"The labels of `{name}` should be rows of {units}, one for each output. "
                f"Received: rows of {found}."
            )

    def keeps_features(self, model: keras.Model, examples: Examples) -> bool:
        """Returns whether features are kept while the head trains alone."""
        return True

    def class_counts(self, examples: Examples, classes: int) -> Any:
        """Returns the weight of the examples without and with each label, (K, 2)."""
        weights = np.ones(examples.size) if examples.weights is None else examples.weights
        having = weights @ examples.classes
        return np.stack([weights.sum() - having, having], axis=1)

    def class_weight(self, recipe: Recipe, counts: ClassCounts) -> None:
        """Returns none: the loss has them."""

    def loss(
        self, recipe: Recipe, examples: Examples, classes: int, logits: bool
    ) -> keras.losses.Loss:
        """Returns the loss of the recipe, each label weighed by itself.

        Raises:
            ValueError: if a label that is to be weighed has no example, or all have it.
        """
        weights = None
        if recipe.imbalance == "class_weights":
            weights = self._weights(recipe, examples)
        elif recipe.correction == "adjust_logits":  # takes the prior out itself
            weights = np.ones((classes, 2))
        return label_loss(recipe, weights, logits)

    def _weights(self, recipe: Recipe, examples: Examples) -> np.ndarray:
        settings = dict(recipe.imbalance_settings)
        having = examples.having
        sides = np.stack([examples.size - having, having], axis=1)
        absent = np.flatnonzero((sides == 0).any(axis=1)).tolist()
        if absent and settings.get("missing", "error") == "error":
            raise ValueError(
                "imbalance='class_weights' weighs the presence of each label against its absence, "
                f"and no example, or each one, has label {listed(absent, most=5)}. Leave such "
                "labels out, or set `missing` to 'zero'."
            )
        return np.array([[*class_weights(side, **settings).values()] for side in sides])

    def metrics(self, classes: int, logits: bool, examples: Examples) -> list[Any]:
        """Returns what is measured in each epoch."""
        return [
            AveragePrecision(classes, from_logits=logits),
            keras.metrics.BinaryAccuracy("accuracy", threshold=0.0 if logits else 0.5),
        ]
