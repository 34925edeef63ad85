"""Converts labelled examples in any form to batches for `fit`."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import keras
import numpy as np

from kerasnorm.data._arrays import to_numpy, without_objects
from kerasnorm.data._dataset import read_dataset
from kerasnorm.data._forms import as_known_form
from kerasnorm.data._image_files import ImageFiles
from kerasnorm.data._order import Order, shuffled
from kerasnorm.data._sample_weights import read_weights
from kerasnorm.data._segmentation_folder import SegmentationFolder
from kerasnorm.data._stored_batches import StoredBatches
from kerasnorm.data._tf_records import TFRecords
from kerasnorm.models import is_graph

_BUFFER = 1024  # of single examples that a Dataset shuffles


class Batches(keras.utils.PyDataset):
    """Batches of arrays, in an order that depends only on the number of the epoch.

    An interrupted training therefore resumes with the same batches, and arrays may be mapped from
    a file: only the rows of a batch are read.

    Args:
        x: array (N, ...), or a dict or list of such.
        y: array (N, ...).
        batch_size: examples a batch; the last has the rest.
        order: the rows of each epoch, always as many; None keeps them as they are.
        weights: of the examples, (N,); None: they have none.
    """

    def __init__(
        self,
        x: Any,
        y: np.ndarray,
        batch_size: int,
        order: Order | None = None,
        weights: np.ndarray | None = None,
    ) -> None:
        super().__init__()
        self.x, self.y, self.batch_size, self.order = x, y, batch_size, order
        self.weights = weights
        self._set_rows(0)

    def _set_rows(self, epoch: int) -> None:
        rows = np.arange(len(self.y)) if self.order is None else self.order(epoch)
        self._epoch, self._rows = epoch, _checked(rows, len(self.y))

    def set_epoch(self, epoch: int) -> None:
        """Says which epoch comes next."""
        if epoch != self._epoch:
            self._set_rows(epoch)

    def in_order(self) -> "Batches":
        """Returns batches of the same arrays as they are."""
        return Batches(self.x, self.y, self.batch_size, weights=self.weights)

    def __len__(self) -> int:
        return -(-len(self._rows) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        rows = self._rows[index * self.batch_size : (index + 1) * self.batch_size]
        batch = keras.tree.map_structure(lambda array: array[rows], self.x), self.y[rows]
        return batch if self.weights is None else (*batch, self.weights[rows])


def _checked(rows: Any, size: int) -> np.ndarray:
    """Refuses rows that a sampler of the user's own should not have returned."""
    rows = np.asarray(rows)
    valid = rows.ndim == 1 and rows.size and rows.dtype.kind in "iu"
    if not valid or rows.min() < 0 or rows.max() >= size:
        raise ValueError(
            f"`sampler(epoch)` should return ints (M,) from 0 to {size - 1}, the rows of an epoch. "
            f"Received: {rows!r}."
        )
    return rows


def read_batches(
    name: str,
    data: Any,
    model: keras.Model,
    batch_size: int,
    seed: int | None = None,
    sampler: Order | None = None,
) -> Any:
    """Returns labelled examples as what `fit` takes: `Batches`, or a Dataset of batches.

    Args:
        name: The argument's name, for messages.
        data: (x, y) arrays, a finite tf.data.Dataset of (x, y), single examples or batches, a
            PyDataset of batches (x, y), `ImageFiles`, a `SegmentationFolder` or `TFRecords`, or a
            `StoredBatches`; or (x, y, w) with sample weights.
        model: whose inputs x are; x may be a dict or list of arrays as the model takes them.
        batch_size: examples a batch, where the data have no batches of their own.
        seed: of the order in which examples come, where they have no batches; None: as they are.
        sampler: the rows of each epoch, for arrays; None: all of them, in the order of the seed.

    Raises:
        ValueError: If the data are of another kind, empty, without an end, or of unequal lengths.
    """
    if isinstance(data, Batches | StoredBatches):
        return data
    if isinstance(data, ImageFiles | SegmentationFolder | TFRecords):
        if seed is not None:
            return StoredBatches.of(data, batch_size, sampler or seed)
        from kerasnorm.data import pipelines

        return pipelines.gathered(data.gatherer(), np.arange(data.size), batch_size)
    data = as_known_form(data, name)
    arrays = isinstance(data, (tuple, list)) and len(data) in (2, 3)
    if sampler is not None and not arrays:
        raise ValueError(
            f"`sampler` draws from arrays. Received: `{name}` of {type(data).__name__}. Give "
            "(x, y), or a Dataset that draws by itself, and leave `sampler` out."
        )
    reader = read_dataset(data, f"`{name}`")
    if reader is not None:
        reader.check_end()
        reader.check_not_empty()
        if reader.spec is None:
            return data
        reader.pair()
        rank = len(model.inputs[0].shape) if is_graph(model) else None
        return reader.in_batches(rank, batch_size, 0 if seed is None else _BUFFER, seed)
    if not arrays:
        raise ValueError(
            f"`{name}` should be a pair (x, y) of arrays or a Dataset of such pairs, or (x, y, w) "
            "with sample weights. "
            f"Received: {type(data).__name__}."
        )
    x = list(data[0]) if isinstance(data[0], tuple) else data[0]
    several = isinstance(x, dict) or (isinstance(x, list) and is_graph(model) and _many(model))
    read = partial(to_numpy, name=name)
    x = keras.tree.map_structure(read, x) if several else read(x)
    y = without_objects(read(data[1]))
    lengths = {len(array) if array.ndim else 0 for array in (*keras.tree.flatten(x), y)}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(
            f"`{name}` should have as many labels as examples, and at least one. "
            f"Received: lengths {sorted(lengths)}."
        )
    if sampler is None and seed is not None:
        sampler = shuffled(len(y), seed)
    weights = None if len(data) == 2 else read_weights(data[2], len(y), name)
    return Batches(x, y, batch_size, sampler, weights)


def _many(model: keras.Model) -> bool:
    return len(model.inputs) > 1


def in_order(data: Any) -> Any:
    """Returns batches of all examples, each once, of what `read_batches` returns."""
    return data.in_order() if isinstance(data, Batches | StoredBatches) else data


def each_batch(data: Any) -> Iterator[tuple[Any, ...]]:
    """Yields (x, y), or with sample weights (x, y, w), of each of these batches."""
    data = in_order(data)
    reader = read_dataset(data)
    for batch in data if reader is None else reader.batches():
        x, *labels = batch
        yield keras.tree.map_structure(to_numpy, x), *map(to_numpy, labels)


def has_weights(data: Any) -> bool:
    """Returns whether what `read_batches` returns has sample weights."""
    if isinstance(data, Batches):
        return data.weights is not None
    reader = None if data is None else read_dataset(in_order(data))
    if reader is None:
        return False
    return len(next(iter(each_batch(data))) if reader.spec is None else reader.spec) == 3


def count_of(data: Any) -> int:
    """Returns how many examples `read_batches` has found; what says it itself is not read."""
    if isinstance(data, Batches):
        return len(data.y)
    if isinstance(data, StoredBatches):
        return len(data.order(0))
    return sum(len(batch[1]) for batch in each_batch(data))


def label_shape(data: Any) -> tuple[int | None, ...]:
    """Returns the shape of the labels of what `read_batches` returns; the first size may be any."""
    if isinstance(data, Batches):
        return data.y.shape
    reader = read_dataset(in_order(data))
    spec = reader and reader.spec  # where that says it, nothing is read
    if spec is not None and spec[1].shape.rank and None not in spec[1].shape[1:]:
        return tuple(spec[1].shape)
    return next(each_batch(data))[1].shape
