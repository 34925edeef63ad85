"""Sets a learning rate for each layer."""

from kerasnorm.transfer.rates._gradual_unfreezing import GradualUnfreezing
from kerasnorm.transfer.rates._layer_decay import layer_decay
from kerasnorm.transfer.rates._layerwise_learning_rate import (
    LayerwiseLearningRate,
    warn_if_forgetful,
)
from kerasnorm.transfer.rates._learning_rate_finder import LearningRateFinder

__all__ = [
    "GradualUnfreezing",
    "LayerwiseLearningRate",
    "LearningRateFinder",
    "layer_decay",
    "warn_if_forgetful",
]
