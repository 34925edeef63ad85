"""Holds the results of a training: the run, its evaluation, its report."""

from kerasnorm.recipe.results._calibration import probabilities
from kerasnorm.recipe.results._comparison import (
    Comparison,
    Trial,
    percent,
    table,
    where_it_does_not_help,
)
from kerasnorm.recipe.results._evaluation import Evaluation
from kerasnorm.recipe.results._export import Export
from kerasnorm.recipe.results._map_evaluation import MapEvaluation
from kerasnorm.recipe.results._run import Run

__all__ = [
    "Comparison",
    "Evaluation",
    "Export",
    "MapEvaluation",
    "Run",
    "Trial",
    "percent",
    "probabilities",
    "table",
    "where_it_does_not_help",
]
