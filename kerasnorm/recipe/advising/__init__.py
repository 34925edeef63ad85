"""`advise`: what to choose for a model and its examples, and why."""

from kerasnorm.recipe.advising._advice import Advice
from kerasnorm.recipe.advising._advise import advise

__all__ = [
    "Advice",
    "advise",
]
