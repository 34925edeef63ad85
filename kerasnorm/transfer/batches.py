"""Labelled examples in batches, as `fit` takes them, whatever they come as."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import keras
import numpy as np

from kerasnorm.surgery.heads import is_graph
from kerasnorm.transfer.arrays import to_array

_BUFFER = 1024  # of single examples that a Dataset shuffles


class Batches(keras.utils.PyDataset):
    """Batches of arrays, in an order that the seed and the number of the epoch alone decide.

    So a training that was broken off goes on with the same batches, and arrays may be mapped from
    a file: only the rows of a batch are read.

    Args:
        x: array (N, ...), or a dict or list of such.
        y: array (N, ...).
        batch_size: examples a batch; the last has the rest.
        seed: of the order; None keeps that of the arrays.
    """

    def __init__(self, x: Any, y: np.ndarray, batch_size: int, seed: int | None = None):
        super().__init__()
        self.x, self.y, self.batch_size, self.seed = x, y, batch_size, seed
        self._set_order(0)

    def _set_order(self, epoch: int) -> None:
        self._epoch, self._order = epoch, np.arange(len(self.y))
        if self.seed is not None:
            np.random.default_rng((self.seed, epoch)).shuffle(self._order)

    def set_epoch(self, epoch: int) -> None:
        """Says which epoch comes next."""
        if epoch != self._epoch:
            self._set_order(epoch)

    def in_order(self) -> "Batches":
        """Returns batches of the same arrays as they are."""
        return Batches(self.x, self.y, self.batch_size)

    def __len__(self) -> int:
        return -(-len(self.y) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[Any, np.ndarray]:
        rows = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        return keras.tree.map_structure(lambda array: array[rows], self.x), self.y[rows]


def read_batches(
    name: str, data: Any, model: keras.Model, batch_size: int, seed: int | None = None
) -> Any:
    """Returns labelled examples as what `fit` takes: `Batches`, or a Dataset of batches.

    Args:
        name: the argument's name, for messages.
        data: (x, y) arrays, a finite tf.data.Dataset of (x, y), single examples or batches, or a
            PyDataset of batches (x, y).
        model: whose inputs x are; x may be a dict or list of arrays as the model takes them.
        batch_size: examples a batch, where the data have no batches of their own.
        seed: of the order in which examples come, where they have no batches; None: as they are.

    Raises:
        ValueError: if the data are of another kind, empty, without an end, or of unequal lengths.
    """
    if isinstance(data, keras.utils.PyDataset):
        _check_end(name, data.num_batches is None)
        return data
    if hasattr(data, "element_spec"):  # a tf.data.Dataset, on any backend
        return _read_dataset(name, data, model, batch_size, seed)
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise ValueError(
            f"`{name}` should be a pair (x, y) of arrays or a Dataset of such pairs. "
            f"Received: {type(data).__name__}."
        )
    x = list(data[0]) if isinstance(data[0], tuple) else data[0]
    several = isinstance(x, dict) or (isinstance(x, list) and is_graph(model) and _many(model))
    read = partial(to_array, name)
    x, y = keras.tree.map_structure(read, x) if several else read(x), read(data[1])
    lengths = {len(array) if array.ndim else 0 for array in (*keras.tree.flatten(x), y)}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(
            f"`{name}` should have as many labels as examples, and at least one. "
            f"Received: lengths {sorted(lengths)}."
        )
    return Batches(x, y, batch_size, seed)


def _many(model: keras.Model) -> bool:
    return len(model.inputs) > 1


def _read_dataset(name: str, data: Any, model: keras.Model, batch_size: int, seed: Any) -> Any:
    spec = data.element_spec
    if not isinstance(spec, tuple) or len(spec) != 2:
        raise ValueError(f"`{name}` should be a Dataset of (x, y). Received: element_spec={spec}.")
    _check_end(name, int(data.cardinality()) == -1)
    rank = keras.tree.flatten(spec[0])[0].shape.rank
    wanted = len(model.inputs[0].shape) if is_graph(model) else rank
    if None in (rank, wanted) or rank == wanted:
        return data
    if rank != wanted - 1:
        raise ValueError(
            f"`{name}` should hold examples of {wanted - 1} axes, or batches of them. "
            f"Received: element_spec={spec}."
        )
    if seed is not None:
        data = data.shuffle(_BUFFER, seed=seed)
    return data.batch(batch_size)


def _check_end(name: str, endless: bool) -> None:
    if endless:
        raise ValueError(f"`{name}` never ends: take the examples of one epoch, `dataset.take(n)`.")


def each_batch(data: Any) -> Iterator[tuple[Any, Any]]:
    """Yields (x, y) of each batch of what `read_batches` returns, once."""
    batches = data
    if isinstance(data, keras.utils.PyDataset):
        batches = (data[index] for index in range(data.num_batches))
    for x, y in batches:
        yield keras.tree.map_structure(_to_numpy, x), _to_numpy(y)


def _to_numpy(array: Any) -> np.ndarray:
    return to_array("data", array)
