"""Metrics for classes that are unequally frequent, and for contours."""

from kerasnorm.imbalance.metrics.balanced_accuracy import BalancedAccuracy
from kerasnorm.imbalance.metrics.boundary_f_score import BoundaryFScore
from kerasnorm.imbalance.metrics.group_accuracy import GroupAccuracy
from kerasnorm.imbalance.metrics.macro_f1 import MacroF1
from kerasnorm.imbalance.metrics.per_class_recall import PerClassRecall

__all__ = ["BalancedAccuracy", "BoundaryFScore", "GroupAccuracy", "MacroF1", "PerClassRecall"]
