"""Combines the other chapters: `Recipe`, `advise` and `fit`."""

from kerasnorm.recipe._recipe import Recipe
from kerasnorm.recipe._settings import Settings
from kerasnorm.recipe.advising import Advice, advise
from kerasnorm.recipe.classifiers import classifier
from kerasnorm.recipe.fitting import fit
from kerasnorm.recipe.results import (
    BinaryEvaluation,
    ContourEvaluation,
    Evaluation,
    Export,
    LabelsEvaluation,
    MapEvaluation,
    Run,
)

__all__ = [
    "Advice",
    "BinaryEvaluation",
    "ContourEvaluation",
    "Evaluation",
    "Export",
    "LabelsEvaluation",
    "MapEvaluation",
    "Recipe",
    "Run",
    "advise",
    "classifier",
    "fit",
]
