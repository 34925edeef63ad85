"""Recommends a recipe for a model and its examples, with reasons."""

from kerasnorm.recipe.advising._advice import Advice
from kerasnorm.recipe.advising._advise import advise

__all__ = [
    "Advice",
    "advise",
]
