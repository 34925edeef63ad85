"""Reads labelled examples batch by batch from where they are stored."""

import dataclasses
from collections.abc import Callable
from typing import Any

from kerasnorm.data._order import Order


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

    def for_fit(self) -> Any:
        """Returns what `fit` takes."""
        return self.dataset

    def in_order(self) -> Any:
        """Returns batches of all examples as they are."""
        return self.all
