"""Defines what `fit` needs from a kind of examples."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

import keras
import numpy as np

from kerasnorm._validation import joined
from kerasnorm.imbalance import ClassCounts, ClassWeights
from kerasnorm.recipe._recipe import Recipe
from kerasnorm.recipe.results import Evaluation


class Kind(Protocol):
    """What labels say of an example.

    | kind | labels |
    |---|---|
    | `ImageClasses` | one class of several |
    | `TwoClasses` | one class of two, told by one output |
    | `SeveralLabels` | 0 or 1 for each of several labels |
    | `LabelMaps` | one class a pixel |
    | `Contours` | 0 or 1 a pixel, told by one map |
    """

    evaluation: ClassVar[type[Evaluation]]  # the class of its evaluations

    @property
    def ignore_class(self) -> int | None:
        """The label that is left out, or None."""

    def names(self, count: int) -> tuple[str, ...]:
        """Returns the names of classes that no one has named."""

    def units(self, classes: int) -> int:
        """Returns how many outputs the head has for so many classes."""

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

    def class_counts(self, examples: Any, classes: int) -> Any:
        """Returns the counts that correct for how frequent the classes are."""

    def class_weight(self, recipe: Recipe, counts: ClassCounts) -> ClassWeights | None:
        """Returns the weights of the classes where the recipe says so and the loss has none."""

    def loss(self, recipe: Recipe, examples: Any, classes: int, logits: bool) -> keras.losses.Loss:
        """Returns the loss of the recipe."""

    def metrics(self, classes: int, logits: bool, examples: Any) -> list[Any]:
        """Returns what is measured in each epoch, first what the weights are chosen by."""


def check_choices(
    recipe: Recipe,
    of: str,
    choices: Mapping[str, Sequence[str | None]],
    one_class: bool = False,
) -> None:
    """Refuses what a recipe says and a kind cannot do.

    Args:
        recipe: its choices.
        of: what the labels are, as the beginning of a sentence.
        choices: those of a chapter that have a meaning.
        one_class: whether each example has one class, which most strategies of sampling need.

    Raises:
        ValueError: that lists what can be used.
    """
    wrong = [
        f"{chapter}={getattr(recipe, chapter)!r}"
        for chapter, known in choices.items()
        if getattr(recipe, chapter) not in known
    ]
    strategy = recipe.imbalance_settings.get("strategy", "class_balanced")
    by_strategy = "" if one_class else " with the strategy 'repeat_factor'"
    if recipe.imbalance == "resample" and by_strategy and strategy != "repeat_factor":
        wrong.append(f"imbalance='resample' with the strategy {strategy!r}")
    if not wrong:
        return
    said = {
        chapter: ", ".join(
            f"{each!r}{by_strategy}" if each == "resample" else repr(each) for each in known
        )
        for chapter, known in choices.items()
    }
    allowed = "; ".join(f"{chapter}: {names}" for chapter, names in said.items())
    raise ValueError(f"{of}, where {joined(wrong)} has no meaning. What can be used is {allowed}.")
