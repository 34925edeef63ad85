"""Recipes: the choices of the other chapters as one value; `advise` and `fit`."""

from kerasnorm.recipe.advice import Advice
from kerasnorm.recipe.advising import advise
from kerasnorm.recipe.evaluation import Evaluation
from kerasnorm.recipe.map_evaluation import MapEvaluation
from kerasnorm.recipe.recipe import Recipe
from kerasnorm.recipe.run import Run
from kerasnorm.recipe.training import fit

__all__ = ["Advice", "Evaluation", "MapEvaluation", "Recipe", "Run", "advise", "fit"]
