"""What `fit` does where each example has one class."""

import dataclasses
from typing import Any, ClassVar

import keras
import numpy as np

from kerasnorm.imbalance import BalancedAccuracy, ClassCounts, ClassWeights, class_weights
from kerasnorm.recipe._chapters import make_loss
from kerasnorm.recipe._recipe import Recipe
from kerasnorm.recipe.examples._examples import Examples
from kerasnorm.recipe.results import Evaluation
from kerasnorm.transfer import with_head


@dataclasses.dataclass(frozen=True)
class ImageClasses:
    """The kind of task in which each example has one class, with an output for each.

    Attributes:
        ignore_class: The label that is left out; there is none.
        evaluation: The class of its evaluations.
    """

    ignore_class: ClassVar[None] = None
    evaluation: ClassVar[type[Evaluation]] = Evaluation

    def names(self, count: int) -> tuple[str, ...]:
        """Returns the numbers of the classes."""
        return tuple(map(str, range(count)))

    def units(self, classes: int) -> int:
        """Returns one output for each class."""
        return classes

    def classes_of(self, labels: np.ndarray, classes: int) -> np.ndarray:
        """Returns the classes of some labels, (N,)."""
        return labels

    def check(self, recipe: Recipe) -> None:
        """Refuses what the recipe says and this kind cannot do.

        Raises:
            ValueError: for thresholds, of which there are none.
        """
        if recipe.correction == "tune_thresholds":
            raise ValueError(
                "correction='tune_thresholds' is for labels that an example has or not, and the "
                "largest of several outputs is the class here. Choose 'adjust_logits'."
            )

    def with_head(self, model: keras.Model, classes: int) -> keras.Model:
        """Returns the model with a head of this kind, perhaps for other classes."""
        return with_head(model, classes)

    def check_fit(self, name: str, examples: Examples, model: keras.Model) -> None:
        """Refuses labels that do not fit the outputs: nothing that `fine_tune` does not."""

    def keeps_features(self, model: keras.Model, examples: Examples) -> bool:
        """Returns whether features are kept while the head trains alone."""
        return True

    def class_counts(self, examples: Examples, classes: int) -> Any:
        """Returns the weight of the examples of each class, (K,)."""
        return examples.weighed_counts(classes)

    def class_weight(self, recipe: Recipe, counts: ClassCounts) -> ClassWeights | None:
        """Returns the weights of the classes."""
        if recipe.imbalance != "class_weights":
            return None
        return class_weights(counts, **recipe.imbalance_settings)

    def loss(
        self, recipe: Recipe, examples: Examples, classes: int, logits: bool
    ) -> keras.losses.Loss:
        """Returns the loss of the recipe."""
        return make_loss(recipe.loss, recipe.loss_settings, examples.counts(classes), logits)

    def metrics(self, classes: int, logits: bool, examples: Examples) -> list[Any]:
        """Returns what is measured in each epoch."""
        return [BalancedAccuracy(classes), "accuracy"]
