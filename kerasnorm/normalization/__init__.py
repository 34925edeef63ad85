"""Normalization layers: one formula, and each class is a choice of the axes it reduces over."""

from kerasnorm.normalization.batch_normalization import BatchNormalization
from kerasnorm.normalization.conv_norm_activation import ConvNormActivation
from kerasnorm.normalization.group_normalization import GroupNormalization
from kerasnorm.normalization.instance_normalization import InstanceNormalization
from kerasnorm.normalization.layer_normalization import LayerNormalization
from kerasnorm.normalization.registry import get, names
from kerasnorm.normalization.sync_batch_normalization import SyncBatchNormalization

__all__ = [
    "BatchNormalization",
    "ConvNormActivation",
    "GroupNormalization",
    "InstanceNormalization",
    "LayerNormalization",
    "SyncBatchNormalization",
    "get",
    "names",
]
