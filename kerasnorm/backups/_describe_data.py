"""Describes labelled examples, as `read_batches` returns them."""

import zlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from kerasnorm.backups._describe import checksum, describe
from kerasnorm.data import Batches, StoredBatches, each_batch

_SUM = 2**64


def describe_data(data: Any) -> Any:
    """Returns a description of examples that JSON holds; None for none.

    Arrays and the rows that are drawn of them are described whole. Datasets are read once: their
    labels are, in any order, and the inputs where a second pass begins as the first did.

    Args:
        data: `Batches`, `StoredBatches` or a Dataset of batches.
    """
    if data is None:
        return None
    if isinstance(data, Batches):
        found = {"examples": len(data.y), "x": describe(data.x), "labels": describe(data.y)}
        if data.weights is not None:
            found["weights"] = describe(data.weights)
        return {**found, "order": _of_order(data.order)}
    if isinstance(data, StoredBatches):
        first = next(each_batch(data.all))
        return {"first": checksum(*keras.tree.flatten(first)), "order": _of_order(data.order)}
    counter = getattr(data, "epoch_counter", None)
    before = counter and counter.next
    try:
        return _of_dataset(data, counter)
    finally:
        if counter is not None:
            counter.next = before


def _of_order(order: Any) -> str | None:
    return None if order is None else checksum(order(0), order(1))


def _of_dataset(data: Any, counter: Any) -> dict[str, Any]:
    batches = _from_the_first_epoch(data, counter)
    first, examples, labels, inputs = None, 0, 0, 0
    for x, y, *weights in batches:
        first = first or checksum(y, *keras.tree.flatten(x))
        examples += len(y)
        labels = (labels + sum(map(_of_rows, (y, *weights)))) % _SUM
        inputs = (inputs + sum(map(_of_rows, keras.tree.flatten(x)))) % _SUM
    x, y, *_ = next(_from_the_first_epoch(data, counter))
    again = checksum(y, *keras.tree.flatten(x)) == first
    specs = [[list(each.shape[1:]), str(each.dtype)] for each in keras.tree.flatten((x, y))]
    found = {"examples": examples, "specs": specs, "labels": labels}
    return {**found, "x": inputs if again else "changes from pass to pass"}


def _from_the_first_epoch(data: Any, counter: Any) -> Iterator[tuple[Any, ...]]:
    if counter is not None:
        counter.next = 0
    return each_batch(data)


def _of_rows(array: np.ndarray) -> int:
    """Returns a number that the rows decide, and not their order."""
    return sum(zlib.crc32(np.ascontiguousarray(row).tobytes()) for row in array)
