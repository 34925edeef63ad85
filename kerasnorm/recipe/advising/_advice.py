"""What `advise` returns."""

from typing import NamedTuple

import keras

from kerasnorm.recipe._recipe import Recipe


class _Advice(NamedTuple):
    recipe: Recipe
    reasons: list[str]


class Advice(_Advice):
    """A recipe, and why: `recipe, reasons = advise(model, data)`.

    Attributes:
        recipe: the `Recipe`, for `fit`.
        reasons: a sentence for each choice, with the figure that led to it.
        model: the one of the given models that the recipe is for; None if it came without one.

    Example:

    >>> print(Advice(Recipe(transfer="freeze"), ["Transfer: 20 examples a class are few."]))
    normalization: as is; transfer: freeze; ...
    - Transfer: 20 examples a class are few.

    See also:
        `advise`, which makes it.
    """

    model: keras.Model | None = None

    def __str__(self) -> str:
        return "\n".join([str(self.recipe), *(f"- {reason}" for reason in self.reasons)])
