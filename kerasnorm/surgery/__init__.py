"""Whole-model operations on normalization."""

from kerasnorm.surgery.folding import fold_batchnorm
from kerasnorm.surgery.layer_table import LayerTable, inspect
from kerasnorm.surgery.recomputing import recompute_statistics
from kerasnorm.surgery.replacing import replace_normalization
from kerasnorm.surgery.report import Replacement, Report
from kerasnorm.surgery.statistics import freeze_statistics, unfreeze_statistics
from kerasnorm.surgery.synchronizing import convert_sync_batchnorm, revert_sync_batchnorm

__all__ = [
    "LayerTable",
    "Replacement",
    "Report",
    "convert_sync_batchnorm",
    "fold_batchnorm",
    "freeze_statistics",
    "inspect",
    "recompute_statistics",
    "replace_normalization",
    "revert_sync_batchnorm",
    "unfreeze_statistics",
]
