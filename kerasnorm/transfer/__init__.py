"""Transfer learning: what trains, what does not, and what will really train."""

from kerasnorm.transfer.change import Change
from kerasnorm.transfer.freezing import freeze, unfreeze
from kerasnorm.transfer.layer_decay import layer_decay
from kerasnorm.transfer.layerwise_learning_rate import LayerwiseLearningRate
from kerasnorm.transfer.trainable_table import TrainableTable, trainable_table

__all__ = [
    "Change",
    "LayerwiseLearningRate",
    "TrainableTable",
    "freeze",
    "layer_decay",
    "trainable_table",
    "unfreeze",
]
