"""Trains a model by a recipe."""

from kerasnorm.recipe.fitting._evaluated import evaluated
from kerasnorm.recipe.fitting._fit import fit

__all__ = [
    "evaluated",
    "fit",
]
