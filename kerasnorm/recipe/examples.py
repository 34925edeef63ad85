"""Labelled examples, whatever holds them: to count, to draw from, to train on, to predict."""

import dataclasses
from collections.abc import Iterator
from functools import partial
from typing import Any

import keras
import numpy as np

from kerasnorm.backend.epoch_counter import EpochCounter
from kerasnorm.imbalance import ImageFiles, TFRecords
from kerasnorm.imbalance._labels import is_dataset
from kerasnorm.transfer.batches import Order, shuffled
from kerasnorm.transfer.stored_batches import StoredBatches

_FILES = ImageFiles | TFRecords


@dataclasses.dataclass(frozen=True, eq=False)
class Examples:
    """Examples with a class each.

    Attributes:
        labels: (N,) ints.
        data: (N, ...) array of x; or `ImageFiles` or `TFRecords`; or a tf.data.Dataset of batches
            (x, labels (B,)).
        batch_size: the examples a batch.
    """

    labels: np.ndarray
    data: Any
    batch_size: int

    @property
    def in_files(self) -> bool:
        """Whether the examples stay on disk."""
        return isinstance(self.data, _FILES)

    def steps(self, order: Order | None) -> int:
        """Returns how many batches an epoch of fit has, its rows drawn by `order` if given."""
        if is_dataset(self.data):
            known = int(self.data.cardinality())
            return known if known > 0 else sum(1 for _ in self.data)
        size = len(self.labels if order is None else order(0))
        return -(-size // self.batch_size)

    def in_memory(self) -> "Examples":
        """Returns the examples of a Dataset as an array, and others as they are."""
        if not is_dataset(self.data):
            return self
        parts = zip(*self.data.as_numpy_iterator(), strict=True)
        x, labels = (np.concatenate(part) for part in parts)
        return Examples(labels, x, self.batch_size)

    def for_training(self, order: Order | None, seed: int) -> tuple[Any, Order | None]:
        """Returns what `fine_tune` takes as `train` and as `sampler`."""
        if isinstance(self.data, np.ndarray):
            return (self.data, self.labels), order
        if is_dataset(self.data):
            return self.data, None
        return self._stored(order or shuffled(len(self.labels), seed)), None

    def _stored(self, order: Order) -> StoredBatches:
        from kerasnorm.backend.epochs import indexed

        counter = EpochCounter()
        gather = self.data.gatherer()
        dataset = indexed(order, gather, len(order(0)), self.batch_size, counter)
        set_epoch = partial(setattr, counter, "next")
        return StoredBatches(dataset.prefetch(2), set_epoch, order, self.in_order())

    def in_order(self) -> Any:
        """Returns all examples, each once: arrays, or a Dataset of batches."""
        if isinstance(self.data, np.ndarray):
            return self.data, self.labels
        if is_dataset(self.data):
            return self.data
        return self._gathered(np.arange(len(self.labels)))

    def predictions(
        self, model: keras.Model, rows: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns a model's outputs, and the labels in the same order, from the same pass.

        Of all examples, or of those in `rows`; of a Dataset, which may shuffle, the first ones of
        which there are as many of each class.
        """
        if isinstance(self.data, np.ndarray):
            rows = slice(None) if rows is None else rows
            outputs = model.predict(self.data[rows], self.batch_size, verbose=0)
            return np.asarray(outputs), self.labels[rows]
        found = [(model.predict_on_batch(x), y) for x, y in self._batches(rows)]
        outputs, labels = (np.concatenate(part) for part in zip(*found, strict=True))
        return outputs, labels.astype(np.int64)

    def _batches(self, rows: np.ndarray | None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        if not is_dataset(self.data):
            rows = np.arange(len(self.labels)) if rows is None else rows
            yield from self._gathered(rows).as_numpy_iterator()
        elif rows is None:
            yield from self.data.as_numpy_iterator()
        else:
            yield from _first_of_each_class(self.data, np.bincount(self.labels[rows]))

    def _gathered(self, rows: np.ndarray) -> Any:
        from kerasnorm.backend import pipelines

        return pipelines.gathered(self.data.gatherer(), rows, self.batch_size)


def _first_of_each_class(
    dataset: Any, wanted: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields batches of the first examples in a pass, `wanted` of each class."""
    left = wanted.copy()
    for x, y in dataset.as_numpy_iterator():
        chosen = []
        for row, label in enumerate(y):
            if label < len(left) and left[label]:
                left[label] -= 1
                chosen.append(row)
        if chosen:
            yield x[chosen], y[chosen]
        if not left.any():
            return


def read_examples(name: str, data: Any, rank: int | None, batch_size: int = 32) -> Examples:
    """Returns `data` as `Examples`.

    Args:
        name: the argument's name, for messages.
        data: (x, y) arrays; `ImageFiles` or `TFRecords`; or a finite tf.data.Dataset of (x, y),
            single examples or batches. y: ints (N,) or (N, 1), or one-hot rows (N, K).
        rank: the number of axes of a batch that the model takes; None if it does not say, and a
            Dataset holds batches then.
        batch_size: the examples a batch, where the data have none.

    Raises:
        ValueError: if the data are of another kind, empty, or of unequal length.
    """
    if is_dataset(data):
        return _read_dataset(name, data, rank, batch_size)
    if isinstance(data, _FILES):
        return Examples(_as_classes(name, np.asarray(data.labels)), data, batch_size)
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise ValueError(
            f"`{name}` should be a pair (x, y) of arrays, a tf.data.Dataset of such pairs, an "
            f"ImageFolder, an ImageTable or TFRecords. Received: {type(data).__name__}."
        )
    x, y = map(_to_numpy, data)
    labels = _as_classes(name, y)
    if len(x) != len(labels):
        raise ValueError(f"`{name}` should have a label for each of {len(x)} x, not {len(labels)}.")
    return Examples(labels, x, batch_size)


def _read_dataset(name: str, data: Any, rank: int | None, batch_size: int) -> Examples:
    from kerasnorm.backend import pipelines

    spec = data.element_spec
    if not isinstance(spec, tuple) or len(spec) != 2 or not hasattr(spec[0], "shape"):
        raise ValueError(f"`{name}` should be a Dataset of (x, y). Received: element_spec={spec}.")
    if int(data.cardinality()) == -1:
        raise ValueError(f"`{name}` never ends: take the examples of one epoch, `dataset.take(n)`.")
    names = getattr(data, "class_names", None)  # of keras.utils.image_dataset_from_directory
    axes = spec[0].shape.rank
    if rank is not None and axes == rank - 1:
        data = data.shuffle(10_000).batch(batch_size) if name == "train" else data.batch(batch_size)
    elif None not in (rank, axes) and axes != rank:
        raise ValueError(
            f"`{name}` should hold examples of {rank - 1} axes, or batches of them. "
            f"Received: element_spec={spec}."
        )
    found = [y for _, y in data.as_numpy_iterator()]
    if not found:
        raise ValueError(f"`{name}` is empty.")
    labels = _as_classes(name, np.concatenate(found))
    sparse = pipelines.with_sparse_labels(data)
    sparse.class_names = names
    return Examples(labels, sparse, batch_size)


def _as_classes(name: str, y: np.ndarray) -> np.ndarray:
    """Returns labels (N,) of ints from (N,), (N, 1) or one-hot rows (N, K)."""
    if y.size == 0:
        raise ValueError(f"`{name}` is empty.")
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    one_hot = y.ndim == 2 and y.dtype.kind in "biuf" and bool(((y == 0) | (y == 1)).all())
    if one_hot and (y.sum(axis=1) == 1).all():
        return y.argmax(axis=1)
    if y.ndim == 1 and y.dtype.kind in "biuf" and (y == y.astype(np.int64)).all() and y.min() >= 0:
        return y.astype(np.int64)
    raise ValueError(
        f"The labels of `{name}` should be ints from 0 up, (N,) or (N, 1), or one-hot rows (N, K). "
        f"Received: shape {y.shape}, dtype {y.dtype}, such as {y.flat[0]!r}."
    )


def _to_numpy(part: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(part) if keras.ops.is_tensor(part) else np.asarray(part)
