"""Searches for the best recipe, with keras-tuner or Optuna.

Start with `search` and `RecipeHyperModel`; `spaces` has search spaces to start from.
"""

from kerasnorm.tuning import spaces
from kerasnorm.tuning._ranges import integers, linear, log
from kerasnorm.tuning._recipe_hyper_model import RecipeHyperModel
from kerasnorm.tuning._search import search
from kerasnorm.tuning._search_result import Search

__all__ = ["RecipeHyperModel", "Search", "integers", "linear", "log", "search", "spaces"]
