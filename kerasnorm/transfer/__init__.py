"""Transfer learning: what trains, what does not, and what will really train."""

from kerasnorm.transfer.change import Change
from kerasnorm.transfer.freezing import freeze, unfreeze
from kerasnorm.transfer.trainable_table import TrainableTable, trainable_table

__all__ = ["Change", "TrainableTable", "freeze", "trainable_table", "unfreeze"]
