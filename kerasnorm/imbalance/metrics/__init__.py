"""Provides metrics for unequal classes, and for contours."""

from kerasnorm.imbalance.metrics._average_precision import AveragePrecision
from kerasnorm.imbalance.metrics._balanced_accuracy import BalancedAccuracy
from kerasnorm.imbalance.metrics._boundary_f_score import BoundaryFScore
from kerasnorm.imbalance.metrics._group_accuracy import GroupAccuracy
from kerasnorm.imbalance.metrics._macro_f1 import MacroF1
from kerasnorm.imbalance.metrics._per_class_recall import PerClassRecall

__all__ = [
    "AveragePrecision",
    "BalancedAccuracy",
    "BoundaryFScore",
    "GroupAccuracy",
    "MacroF1",
    "PerClassRecall",
]
