"""Recipes: the choices of the other chapters as one value, and `fit`, which carries them out."""

from kerasnorm.recipe.evaluation import Evaluation
from kerasnorm.recipe.recipe import Recipe
from kerasnorm.recipe.run import Run
from kerasnorm.recipe.training import fit

__all__ = ["Evaluation", "Recipe", "Run", "fit"]
