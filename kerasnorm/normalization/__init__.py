"""Normalization layers: one formula, and each class is a choice of the axes it reduces over."""

from kerasnorm.normalization.adaptive_instance_normalization import AdaptiveInstanceNormalization
from kerasnorm.normalization.batch_normalization import BatchNormalization
from kerasnorm.normalization.conditional_instance_normalization import (
    ConditionalInstanceNormalization,
)
from kerasnorm.normalization.conv_norm_activation import ConvNormActivation
from kerasnorm.normalization.filter_response_normalization import FilterResponseNormalization
from kerasnorm.normalization.group_normalization import GroupNormalization
from kerasnorm.normalization.instance_normalization import InstanceNormalization
from kerasnorm.normalization.layer_norm_gru_cell import LayerNormGRUCell
from kerasnorm.normalization.layer_norm_lstm_cell import LayerNormLSTMCell
from kerasnorm.normalization.layer_normalization import LayerNormalization
from kerasnorm.normalization.registry import get, names
from kerasnorm.normalization.spectral_normalization import SpectralNormalization
from kerasnorm.normalization.switchable_normalization import SwitchableNormalization
from kerasnorm.normalization.sync_batch_normalization import SyncBatchNormalization
from kerasnorm.normalization.tlu import TLU
from kerasnorm.normalization.weight_normalization import WeightNormalization
from kerasnorm.normalization.weight_standardization import WeightStandardization

__all__ = [
    "TLU",
    "AdaptiveInstanceNormalization",
    "BatchNormalization",
    "ConditionalInstanceNormalization",
    "ConvNormActivation",
    "FilterResponseNormalization",
    "GroupNormalization",
    "InstanceNormalization",
    "LayerNormGRUCell",
    "LayerNormLSTMCell",
    "LayerNormalization",
    "SpectralNormalization",
    "SwitchableNormalization",
    "SyncBatchNormalization",
    "WeightNormalization",
    "WeightStandardization",
    "get",
    "names",
]
