"""What `advise` measures and says for each kind of examples."""

from typing import Any, Protocol

import keras

from kerasnorm.recipe.advising import _reasons
from kerasnorm.recipe.advising._label_similarity import measure_label_similarity
from kerasnorm.recipe.advising._pixel_similarity import measure_pixel_similarity
from kerasnorm.recipe.advising._similarity import measure_similarity
from kerasnorm.recipe.examples import (
    Contours,
    Examples,
    ImageClasses,
    Kind,
    LabelMaps,
    SeveralLabels,
    TwoClasses,
)
from kerasnorm.transfer import Strategy


class Chooser(Protocol):
    """The part of `advise` that differs between the kinds."""

    def similarity(
        self, model: keras.Model, examples: Examples, seed: int, epochs: int
    ) -> tuple[float, list[str]]:
        """Returns how well a model's features separate the classes, 0 to 1, and what that means."""

    def transfer(self, thumb: Strategy, rule: str, *settings: Any) -> _reasons.Choice:
        """Returns the choice of transfer; arguments are those of `_reasons.transfer`."""

    def imbalance(
        self, model: keras.Model, trains: bool, examples: Examples, from_ratio: float
    ) -> _reasons.Choice:
        """Returns the choice about imbalance."""


class _ForClasses:
    def similarity(
        self, model: keras.Model, examples: Examples, seed: int, epochs: int
    ) -> tuple[float, list[str]]:
        return measure_similarity(model, examples, seed, epochs)

    def transfer(self, thumb: Strategy, rule: str, *settings: Any) -> _reasons.Choice:
        return _reasons.transfer(thumb, rule, *settings)

    def imbalance(
        self, model: keras.Model, trains: bool, examples: Examples, from_ratio: float
    ) -> _reasons.Choice:
        return _reasons.imbalance(model, trains, examples.found, from_ratio)


class _ForMaps:
    def similarity(
        self, model: keras.Model, examples: Examples, seed: int, epochs: int
    ) -> tuple[float, list[str]]:
        return measure_pixel_similarity(model, examples, seed)

    def transfer(self, thumb: Strategy, rule: str, *settings: Any) -> _reasons.Choice:
        if rule == "lecture":
            raise ValueError(
                "rule='lecture' is about classes of images, and `data` has label maps. Use "
                "rule='measured'."
            )
        fields, why = _reasons.transfer(thumb, rule, *settings)
        return fields, (
            f"{why} That is of classes of images; of label maps, fine-tuning was ahead of training "
            "from scratch with each of 6 seeds, from 60 scenes (docs/recipe.md)."
        )

    def imbalance(
        self, model: keras.Model, trains: bool, examples: Examples, from_ratio: float
    ) -> _reasons.Choice:
        return _reasons.imbalance_of_pixels(examples.found, examples.having, from_ratio)


class _ForTwoClasses(_ForClasses):
    def imbalance(
        self, model: keras.Model, trains: bool, examples: Examples, from_ratio: float
    ) -> _reasons.Choice:
        return _reasons.imbalance_of_two(examples.found, from_ratio)


class _ForLabels(_ForClasses):
    def similarity(
        self, model: keras.Model, examples: Examples, seed: int, epochs: int
    ) -> tuple[float, list[str]]:
        return measure_label_similarity(model, examples, seed, epochs)

    def transfer(self, thumb: Strategy, rule: str, *settings: Any) -> _reasons.Choice:
        if rule == "lecture" and thumb.name == "svm":
            raise ValueError(
                "rule='lecture' says transfer='svm' here, which needs one class for each example, "
                "and `data` has several labels. Use rule='measured'."
            )
        return super().transfer(thumb, rule, *settings)

    def imbalance(
        self, model: keras.Model, trains: bool, examples: Examples, from_ratio: float
    ) -> _reasons.Choice:
        return _reasons.imbalance_of_labels(examples.having, examples.size)


class _ForContours(_ForMaps):
    def imbalance(
        self, model: keras.Model, trains: bool, examples: Examples, from_ratio: float
    ) -> _reasons.Choice:
        return _reasons.imbalance_of_contours(examples.found)


_CHOOSERS: dict[type, Chooser] = {
    ImageClasses: _ForClasses(),
    TwoClasses: _ForTwoClasses(),
    SeveralLabels: _ForLabels(),
    LabelMaps: _ForMaps(),
    Contours: _ForContours(),
}


def chooser_for(kind: Kind) -> Chooser:
    """Returns the chooser for a kind of examples."""
    return _CHOOSERS[type(kind)]
