"""Yields labels batch by batch, from any form of data."""

import sys
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np

from kerasnorm._validation import check_choice
from kerasnorm.data._dataset import read_dataset
from kerasnorm.data._forms import as_known_form
from kerasnorm.data._labels import read_labels
from kerasnorm.data._tf_records import TFRecords


def label_batches(data: Any, verbose: str | int) -> Iterator[np.ndarray]:
    """Yields arrays of labels with the examples on the first axis; one pass, with a bar."""
    check_choice("verbose", verbose, ("auto", 0, 1))
    if not isinstance(data, Iterator):  # which is read once here
        data = as_known_form(data)
    reader = read_dataset(data)
    if reader is not None:
        reader.check_end()
        reader.check_not_empty()
        if reader.spec is None:
            return with_bar(map(_labels_of, reader.batches()), reader.size, verbose)
        batches, size = reader.labels()
        return with_bar(map(read_labels, batches), size, verbose)
    if isinstance(data, Iterator):
        return with_bar(map(_labels_of, data), None, verbose)
    if isinstance(data, TFRecords):
        return iter([data.labels])
    if isinstance(data, tuple) and len(data) in (2, 3) and not np.isscalar(data[1]):
        return iter([_labels_of(data)])
    return iter([read_labels(data)])


def with_bar(batches: Iterable[Any], size: int | None, verbose: str | int) -> Iterator[Any]:
    """Yields the batches and shows how many there were, "auto": in a terminal."""
    if verbose == 0 or (verbose == "auto" and not sys.stdout.isatty()):
        yield from batches
        return
    bar = keras.utils.Progbar(size, unit_name="batch")
    count = 0
    for batch in batches:
        yield batch
        count += 1
        bar.update(count, finalize=False)
    bar.update(count, finalize=True)


def _labels_of(batch: Any) -> np.ndarray:
    if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
        raise ValueError(
            "Batches should be tuples (x, y) or (x, y, w), with the examples first in each. "
            f"Received: {type(batch).__name__}."
        )
    x, y = batch[:2]
    labels = read_labels(y)
    if hasattr(x, "shape") and len(x) != len(labels):
        raise ValueError(
            "x and y should have as many examples. "
            f"Received: {len(x)} and {len(labels)} (shapes {x.shape} and {labels.shape})."
        )
    return labels
