"""Whole-model operations on normalization."""

from kerasnorm.surgery.replacing import replace_normalization
from kerasnorm.surgery.report import Replacement, Report
from kerasnorm.surgery.statistics import freeze_statistics, unfreeze_statistics

__all__ = [
    "Replacement",
    "Report",
    "freeze_statistics",
    "replace_normalization",
    "unfreeze_statistics",
]
