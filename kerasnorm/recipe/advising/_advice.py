"""What `advise` returns."""

from typing import NamedTuple

from kerasnorm.recipe._recipe import Recipe


class Advice(NamedTuple):
    """A recipe, and why.

    Attributes:
        recipe: the `Recipe`, for `fit`.
        reasons: a sentence for each choice, with the figure that led to it.

    Example:

    >>> print(Advice(Recipe(transfer="freeze"), ["Transfer: 20 examples a class are few."]))
    normalization: as is; transfer: freeze; ...
    - Transfer: 20 examples a class are few.
    """

    recipe: Recipe
    reasons: list[str]

    def __str__(self) -> str:
        return "\n".join([str(self.recipe), *(f"- {reason}" for reason in self.reasons)])
