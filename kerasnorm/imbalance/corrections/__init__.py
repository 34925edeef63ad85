"""What helps rare classes after training, or just before it."""

from kerasnorm.imbalance.corrections.adjust_logits import adjust_logits
from kerasnorm.imbalance.corrections.correct_prior import correct_prior
from kerasnorm.imbalance.corrections.initial_bias import initial_bias
from kerasnorm.imbalance.corrections.retrain_classifier import retrain_classifier
from kerasnorm.imbalance.corrections.tau_normalize import tau_normalize
from kerasnorm.imbalance.corrections.tune_thresholds import tune_thresholds

__all__ = [
    "adjust_logits",
    "correct_prior",
    "initial_bias",
    "retrain_classifier",
    "tau_normalize",
    "tune_thresholds",
]
