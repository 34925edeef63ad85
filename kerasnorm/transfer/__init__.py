"""Transfer learning: what trains, what does not, what will transfer and how well."""

from kerasnorm.transfer import transferability
from kerasnorm.transfer.change import Change
from kerasnorm.transfer.freezing import freeze, unfreeze
from kerasnorm.transfer.trainable_table import TrainableTable, trainable_table
from kerasnorm.transfer.transferability import gbc, h_score, leep, logme, nce, trans_rate

__all__ = [
    "Change",
    "TrainableTable",
    "freeze",
    "gbc",
    "h_score",
    "leep",
    "logme",
    "nce",
    "trainable_table",
    "trans_rate",
    "transferability",
    "unfreeze",
]
