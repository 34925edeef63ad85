"""Fits linear classifiers on the features of each layer."""

from kerasnorm.transfer.probing._cut import cut
from kerasnorm.transfer.probing._depths import depths
from kerasnorm.transfer.probing._estimators import make_estimator
from kerasnorm.transfer.probing._feature_classifier import FeatureClassifier
from kerasnorm.transfer.probing._probe_layers import ProbeTable, probe_layers

__all__ = [
    "FeatureClassifier",
    "ProbeTable",
    "cut",
    "depths",
    "make_estimator",
    "probe_layers",
]
