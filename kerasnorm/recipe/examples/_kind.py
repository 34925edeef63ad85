"""Defines what `fit` needs from a kind of examples."""

from typing import Any, ClassVar, Protocol

import keras
import numpy as np

from kerasnorm.imbalance import ClassCounts
from kerasnorm.recipe._recipe import Recipe
from kerasnorm.recipe.results import Evaluation


class Kind(Protocol):
    """One class an example (`ImageClasses`), or one class a pixel (`LabelMaps`)."""

    evaluation: ClassVar[type[Evaluation]]  # the class of its evaluations

    @property
    def ignore_class(self) -> int | None:
        """The label that is left out, or None."""

    def classes_of(self, labels: np.ndarray, classes: int) -> np.ndarray:
        """Returns the classes of some labels: ints (N,), or bool (N, K) where there are several."""

    def check(self, recipe: Recipe) -> None:
        """Raises ValueError for a recipe that this kind cannot follow."""

    def with_head(self, model: keras.Model, classes: int) -> keras.Model:
        """Returns the model with a head of this kind, perhaps for other classes."""

    def check_fit(self, name: str, examples: Any, model: keras.Model) -> None:
        """Raises ValueError for labels that do not fit the model's outputs."""

    def keeps_features(self, model: keras.Model, examples: Any) -> bool:
        """Returns whether features are kept while the head trains alone."""

    def loss(self, recipe: Recipe, counts: ClassCounts, logits: bool) -> keras.losses.Loss:
        """Returns the loss of the recipe."""

    def metrics(self, classes: int) -> list[Any]:
        """Returns what is measured in each epoch, first what the weights are chosen by."""
