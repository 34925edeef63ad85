"""Holds the result of `advise`."""

from typing import NamedTuple

import keras

from kerasnorm.recipe._recipe import Recipe


class _Advice(NamedTuple):
    recipe: Recipe
    reasons: list[str]


class Advice(_Advice):
    """Recommended recipe with reasons: `recipe, reasons = advise(model, data)`.

    Attributes:
        recipe: The `Recipe`, for `fit`.
        reasons: A sentence for each choice, with the figure that led to it.
        model: The one of the given models that the recipe is for; None if it came without one.

    Example:

    >>> print(Advice(Recipe(transfer="freeze"), ["Transfer: 20 examples per class are few."]))
    normalization: as is; transfer: freeze; ...
    - Transfer: 20 examples per class are few.

    See also:
        `advise`, which makes it.
    """

    model: keras.Model | None = None

    def __str__(self) -> str:
        return "\n".join([str(self.recipe), *(f"- {reason}" for reason in self.reasons)])
