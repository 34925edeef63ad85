"""Yields the inputs of a model batch by batch, from any form of data."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np

from kerasnorm._validation import as_int
from kerasnorm.data._arrays import to_numpy
from kerasnorm.data._dataset import read_dataset

_BATCH_SIZE = 32  # of arrays, as in Keras


def input_batches(
    model: keras.Model, dataset: Any, steps: int | None, seed: int | None = None
) -> Iterator[Any]:
    """Yields the inputs of `steps` batches, or of all: arrays, or structures of them as given.

    Args:
        model: The model they are for.
        dataset: See `kerasnorm.surgery.recompute_statistics`.
        steps: How many batches; None for all of a finite dataset.
        seed: Of the order of the examples of arrays; None: as they are. Batches stay as they are.

    Raises:
        ValueError: If `dataset` is none, has no batch, fewer than `steps`, or no end.
    """
    steps = None if steps is None else as_int("steps", steps, low=1)
    batches = _batches(model, dataset, steps, seed)
    count = 0
    for batch in itertools.islice(batches, steps):
        count += 1
        inputs = batch[0] if isinstance(batch, tuple) else batch
        yield keras.tree.map_structure(to_numpy, inputs)
    if count < (steps or 1):
        raise ValueError(
            f"`dataset` has {count} batches, and {f'steps={steps}' if steps else 'at least one'} "
            "should be there. Give more data or fewer steps."
        )


def _batches(
    model: keras.Model, dataset: Any, steps: int | None, seed: int | None
) -> Iterable[Any]:
    reader = read_dataset(dataset, "`dataset`")
    if reader is not None:
        if steps is None:
            reader.check_end(", or give `steps`, the number of batches to read")
        reader.check_not_empty()
        return reader.batches()
    if _is_arrays(model, dataset):
        return _cut(dataset[0] if isinstance(dataset, tuple) else dataset, seed)
    if not isinstance(dataset, Iterable):
        raise ValueError(
            "`dataset` should be an array, a tuple (x, y), a dict of arrays, a tf.data.Dataset, a "
            f"PyDataset or an iterable of batches. Received: {type(dataset).__name__}."
        )
    return dataset


def _is_arrays(model: keras.Model, dataset: Any) -> bool:
    """Returns whether it is arrays of all examples; a list of arrays is, one per input of many.

    Any other list holds batches.
    """
    if isinstance(dataset, list):
        inputs = getattr(model, "inputs", None) or []
        return len(dataset) == len(inputs) > 1 and all(hasattr(x, "shape") for x in dataset)
    return isinstance(dataset, (tuple, dict)) or hasattr(dataset, "shape")


def _cut(arrays: Any, seed: int | None) -> Iterator[Any]:
    flat = keras.tree.flatten(arrays)
    sizes = {len(array) for array in flat}
    if len(sizes) != 1:
        raise ValueError(
            f"All inputs should have the same number of examples. Received: {sorted(sizes)}."
        )
    size = sizes.pop()
    order = None
    if seed is not None:
        order, flat = np.random.default_rng(seed).permutation(size), [*map(to_numpy, flat)]
    for start in range(0, size, _BATCH_SIZE):
        rows: Any = slice(start, start + _BATCH_SIZE)
        rows = rows if order is None else order[rows]
        yield keras.tree.pack_sequence_as(arrays, [array[rows] for array in flat])
