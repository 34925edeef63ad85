"""Changes the normalization of whole models."""

from kerasnorm.surgery._convert_sync_batchnorm import convert_sync_batchnorm, revert_sync_batchnorm
from kerasnorm.surgery._fold_batchnorm import fold_batchnorm
from kerasnorm.surgery._freeze_statistics import (
    freeze_statistics,
    unfreeze_statistics,
    warn_if_compiled,
)
from kerasnorm.surgery._inspect import LayerTable, inspect
from kerasnorm.surgery._kinds import BATCH, kind_of, normalizations
from kerasnorm.surgery._recompute_statistics import recompute_statistics
from kerasnorm.surgery._replace_normalization import replace_normalization
from kerasnorm.surgery._report import Replacement, Report

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
