"""Label imbalance: count the classes, weigh them, sample them."""

from kerasnorm.imbalance.counting import count_classes
from kerasnorm.imbalance.counts import ClassCounts
from kerasnorm.imbalance.sampling import resample
from kerasnorm.imbalance.weighting import class_weights
from kerasnorm.imbalance.weights import ClassWeights

__all__ = [
    "ClassCounts",
    "ClassWeights",
    "class_weights",
    "count_classes",
    "resample",
]
