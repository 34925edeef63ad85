"""Computes class weights, and attaches them to examples."""

from kerasnorm.imbalance.weighting._class_weight_dict import ClassWeights
from kerasnorm.imbalance.weighting._class_weights import class_weights
from kerasnorm.imbalance.weighting._deferred_reweighting import DeferredReweighting

__all__ = [
    "ClassWeights",
    "DeferredReweighting",
    "class_weights",
]
