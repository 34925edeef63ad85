"""Counts the examples of each class."""

from kerasnorm.imbalance.counting._class_counts import ClassCounts, as_counts
from kerasnorm.imbalance.counting._count_classes import count_classes
from kerasnorm.imbalance.counting._tally import Tally

__all__ = [
    "ClassCounts",
    "Tally",
    "as_counts",
    "count_classes",
]
