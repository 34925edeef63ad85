"""Holds the results of a training: the run, its evaluation, its report."""

from kerasnorm.recipe.results._binary_evaluation import BinaryEvaluation
from kerasnorm.recipe.results._calibration import probabilities
from kerasnorm.recipe.results._comparison import (
    Comparison,
    Trial,
    percent,
    table,
    where_it_does_not_help,
)
from kerasnorm.recipe.results._contour_evaluation import ContourEvaluation, tolerance_for
from kerasnorm.recipe.results._evaluation import Evaluation
from kerasnorm.recipe.results._export import Export
from kerasnorm.recipe.results._labels_evaluation import LabelsEvaluation
from kerasnorm.recipe.results._map_evaluation import MapEvaluation
from kerasnorm.recipe.results._palette import palette
from kerasnorm.recipe.results._predictions import (
    LabelPredictions,
    PixelCounts,
    Predictions,
    Recorder,
)
from kerasnorm.recipe.results._run import Run

__all__ = [
    "BinaryEvaluation",
    "Comparison",
    "ContourEvaluation",
    "Evaluation",
    "Export",
    "LabelPredictions",
    "LabelsEvaluation",
    "MapEvaluation",
    "PixelCounts",
    "Predictions",
    "Recorder",
    "Run",
    "Trial",
    "palette",
    "percent",
    "probabilities",
    "table",
    "tolerance_for",
    "where_it_does_not_help",
]
