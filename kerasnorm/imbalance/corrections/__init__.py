"""Corrects classifiers for unequal classes after training, or just before it."""

from kerasnorm.imbalance.corrections._adjust_logits import adjust_logits
from kerasnorm.imbalance.corrections._correct_prior import correct_prior
from kerasnorm.imbalance.corrections._initial_bias import initial_bias
from kerasnorm.imbalance.corrections._retrain_classifier import retrain_classifier
from kerasnorm.imbalance.corrections._scale_temperature import scale_temperature
from kerasnorm.imbalance.corrections._tau_normalize import tau_normalize
from kerasnorm.imbalance.corrections._tune_thresholds import tune_thresholds
from kerasnorm.imbalance.corrections._with_thresholds import with_thresholds

__all__ = [
    "adjust_logits",
    "correct_prior",
    "initial_bias",
    "retrain_classifier",
    "scale_temperature",
    "tau_normalize",
    "tune_thresholds",
    "with_thresholds",
]
