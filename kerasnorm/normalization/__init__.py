"""Provides normalization layers: one formula, reduced over different axes."""

from kerasnorm.normalization._adaptive_instance_normalization import AdaptiveInstanceNormalization
from kerasnorm.normalization._batch_normalization import BatchNormalization
from kerasnorm.normalization._conditional_instance_normalization import (
    ConditionalInstanceNormalization,
)
from kerasnorm.normalization._conv_norm_activation import ConvNormActivation
from kerasnorm.normalization._filter_response_normalization import FilterResponseNormalization
from kerasnorm.normalization._group_normalization import GroupNormalization, choose_groups
from kerasnorm.normalization._instance_normalization import InstanceNormalization
from kerasnorm.normalization._kernel_wrapper import KernelWrapper
from kerasnorm.normalization._kernels import CONVOLUTIONAL
from kerasnorm.normalization._layer_norm_gru_cell import LayerNormGRUCell
from kerasnorm.normalization._layer_norm_lstm_cell import LayerNormLSTMCell
from kerasnorm.normalization._layer_normalization import LayerNormalization
from kerasnorm.normalization._normalization_layer import NormalizationLayer
from kerasnorm.normalization._registry import get, names
from kerasnorm.normalization._renorm import RENORM_STATISTICS
from kerasnorm.normalization._spectral_normalization import SpectralNormalization
from kerasnorm.normalization._switchable_normalization import SwitchableNormalization
from kerasnorm.normalization._sync_batch_normalization import SyncBatchNormalization
from kerasnorm.normalization._tlu import TLU
from kerasnorm.normalization._tracked_normalization import TrackedNormalization
from kerasnorm.normalization._weight_normalization import WeightNormalization
from kerasnorm.normalization._weight_standardization import WeightStandardization

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
