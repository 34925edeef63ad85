"""Trains a model by a recipe."""

from kerasnorm.recipe.fitting._fit import fit

__all__ = [
    "fit",
]
