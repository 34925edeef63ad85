"""Reads labelled examples batch by batch from where they are stored."""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from kerasnorm.data._epoch_counter import EpochCounter
from kerasnorm.data._order import Order, shuffled


@dataclasses.dataclass(frozen=True, eq=False)
class StoredBatches:
    """Examples as `read_batches` and `fit` take them, for data that need not fit in memory.

    Attributes:
        dataset: tf.data.Dataset of the batches (x, y) of an epoch, another in each pass.
        set_epoch: Says which epoch the next pass is.
        order: The rows of each epoch, as `dataset` has them.
        all: tf.data.Dataset of batches with each example once, as they are stored.
    """

    dataset: Any
    set_epoch: Callable[[int], None]
    order: Order
    all: Any

    @classmethod
    def of(cls, source: Any, batch_size: int, order: Order | int) -> "StoredBatches":
        """Returns batches of a `Source`, drawn by an order, or by the seed of one."""
        from kerasnorm.data import pipelines

        if isinstance(order, int):
            order = shuffled(source.size, order)
        counter, gather = EpochCounter(), source.gatherer()
        dataset = pipelines.indexed(order, gather, len(order(0)), batch_size, counter)
        in_order = pipelines.gathered(gather, np.arange(source.size), batch_size)
        set_epoch = partial(setattr, counter, "next")
        return cls(dataset.prefetch(2), set_epoch, order, in_order)

    def for_fit(self) -> Any:
        """Returns what `fit` takes."""
        return self.dataset

    def in_order(self) -> Any:
        """Returns batches of all examples as they are."""
        return self.all
