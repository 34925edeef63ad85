"""Searching for a recipe: spaces of recipes for keras-tuner, and `search`.

The docstrings of `RecipeHyperModel` and `search` say how; `spaces` has spaces to begin with.
"""

from kerasnorm.tuning import spaces
from kerasnorm.tuning._ranges import integers, linear, log
from kerasnorm.tuning._recipe_hyper_model import RecipeHyperModel
from kerasnorm.tuning._search import search
from kerasnorm.tuning._search_result import Search

__all__ = ["RecipeHyperModel", "Search", "integers", "linear", "log", "search", "spaces"]
