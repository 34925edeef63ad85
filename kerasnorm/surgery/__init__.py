"""Whole-model operations on normalization."""

from kerasnorm.surgery.statistics import freeze_statistics, unfreeze_statistics

__all__ = ["freeze_statistics", "unfreeze_statistics"]
