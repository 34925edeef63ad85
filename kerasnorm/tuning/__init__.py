"""Searching for a recipe: spaces of recipes for keras-tuner, and `search`.

The docstrings of `RecipeHyperModel` and `search` say how; `spaces` has spaces to begin with.
"""

from kerasnorm.tuning import spaces
from kerasnorm.tuning.hyper_model import RecipeHyperModel
from kerasnorm.tuning.ranges import integers, linear, log
from kerasnorm.tuning.result import Search
from kerasnorm.tuning.searching import search

__all__ = ["RecipeHyperModel", "Search", "integers", "linear", "log", "search", "spaces"]
