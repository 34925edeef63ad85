"""What `fit` does where each example has one class."""

import dataclasses
from typing import Any, ClassVar

import keras
import numpy as np

from kerasnorm.imbalance import BalancedAccuracy, ClassCounts
from kerasnorm.recipe._chapters import make_loss
from kerasnorm.recipe._recipe import Recipe
from kerasnorm.recipe.examples._examples import Examples
from kerasnorm.recipe.results import Evaluation
from kerasnorm.transfer import with_head


@dataclasses.dataclass(frozen=True)
class ImageClasses:
    """The kind of task in which each example has one class; `LabelMaps` is the other.

    Attributes:
        ignore_class: The label that is left out; there is none.
        evaluation: The class of its evaluations.
    """

    ignore_class: ClassVar[None] = None
    evaluation: ClassVar[type[Evaluation]] = Evaluation

    def classes_of(self, labels: np.ndarray, classes: int) -> np.ndarray:
        """Returns the classes of some labels, (N,)."""
        return labels

    def check(self, recipe: Recipe) -> None:
        """Refuses what the recipe says and this kind cannot do: nothing."""

    def with_head(self, model: keras.Model, classes: int) -> keras.Model:
        """Returns the model with a head of this kind, perhaps for other classes."""
        return with_head(model, classes)

    def check_fit(self, name: str, examples: Examples, model: keras.Model) -> None:
        """Refuses labels that do not fit the outputs: nothing that `fine_tune` does not."""

    def keeps_features(self, model: keras.Model, examples: Examples) -> bool:
        """Returns whether features are kept while the head trains alone."""
        return True

    def loss(self, recipe: Recipe, counts: ClassCounts, logits: bool) -> keras.losses.Loss:
        """Returns the loss of the recipe."""
        return make_loss(recipe.loss, recipe.loss_settings, counts, logits)

    def metrics(self, classes: int) -> list[Any]:
        """Returns what is measured in each epoch."""
        return [BalancedAccuracy(classes), "accuracy"]
