"""Labelled examples, whatever holds them."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from kerasnorm.imbalance import resample
from kerasnorm.imbalance._labels import is_dataset

Load = Callable[[Any], Any]


@dataclasses.dataclass(frozen=True, eq=False)
class Examples:
    """Examples with a class each.

    Attributes:
        labels: (N,) ints.
        x: (N, ...) array, or None where there is a dataset.
        dataset: a tf.data.Dataset of batches (x, labels (B,)), or None where there are arrays.
        load: makes a batch of what the model takes from a batch of x, inside tf.data; or None.
        batch_size: the examples a batch.
    """

    labels: np.ndarray
    x: np.ndarray | None
    dataset: Any
    load: Load | None
    batch_size: int

    def for_fit(self) -> dict[str, Any]:
        """Returns the arguments of `Model.fit`; arrays are shuffled anew in every epoch."""
        if self.dataset is not None:
            return {"x": self.dataset, "shuffle": False}
        if self.load is None:
            return {"x": self.x, "y": self.labels, "batch_size": self.batch_size}
        return {"x": self._loaded(shuffle=True), "shuffle": False}

    def resampled(self, **settings: Any) -> dict[str, Any]:
        """Returns the arguments of `Model.fit` for examples drawn by `kerasnorm.imbalance`."""
        from kerasnorm.backend import pipelines

        data = (self.x, self.labels)
        if self.dataset is not None:
            data = pipelines.unbatch(self.dataset, len(self.labels))
        dataset = resample(data, batch_size=self.batch_size, seed=_any_seed(), **settings)
        if self.load is not None:
            dataset = pipelines.loaded(dataset, self.load)
        return {"x": dataset, "shuffle": False}

    def batches(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields (x, labels) as NumPy arrays, every example once."""
        if self.dataset is not None:
            yield from self.dataset.as_numpy_iterator()
        elif self.load is not None:
            yield from self._loaded(shuffle=False).as_numpy_iterator()
        else:
            size = 8 * self.batch_size  # without gradients more fits into memory
            for start in range(0, len(self.labels), size):
                yield self.x[start : start + size], self.labels[start : start + size]

    def _loaded(self, shuffle: bool) -> Any:
        from kerasnorm.backend import pipelines

        dataset = pipelines.slices(self.x, self.labels)
        if shuffle:
            dataset = dataset.shuffle(len(self.labels), seed=_any_seed())
        return pipelines.loaded(dataset.batch(self.batch_size), self.load)


def read_examples(
    name: str, data: Any, rank: int | None, batch_size: int = 32, load: Load | None = None
) -> Examples:
    """Returns `data` as `Examples`.

    Args:
        name: the argument's name, for messages.
        data: (x, y) arrays, or a finite tf.data.Dataset of (x, y), single examples or batches.
            y: ints (N,) or (N, 1), or one-hot rows (N, K).
        rank: the number of axes of a batch that the model takes; None if it does not say, and a
            Dataset holds batches then.
        batch_size: the examples a batch, where the data have none.
        load: see `Examples`; for arrays only.

    Raises:
        ValueError: if the data are of another kind, empty, or of unequal length.
    """
    if is_dataset(data):
        if load is not None:
            raise ValueError("`load` goes with arrays; map the Dataset instead.")
        return _read_dataset(name, data, rank, batch_size)
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise ValueError(
            f"`{name}` should be a pair (x, y) of arrays or a tf.data.Dataset of such pairs. "
            f"Received: {type(data).__name__}."
        )
    x, y = map(_to_numpy, data)
    labels = _as_classes(name, y)
    if len(x) != len(labels):
        raise ValueError(f"`{name}` should have a label for each of {len(x)} x, not {len(labels)}.")
    return Examples(labels, x, None, load, batch_size)


def _read_dataset(name: str, data: Any, rank: int | None, batch_size: int) -> Examples:
    from kerasnorm.backend import pipelines

    spec = data.element_spec
    if not isinstance(spec, tuple) or len(spec) != 2 or not hasattr(spec[0], "shape"):
        raise ValueError(f"`{name}` should be a Dataset of (x, y). Received: element_spec={spec}.")
    if int(data.cardinality()) == -1:
        raise ValueError(f"`{name}` never ends: take the examples of one epoch, `dataset.take(n)`.")
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
    return Examples(labels, None, pipelines.with_sparse_labels(data), None, batch_size)


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


def _any_seed() -> int:
    """Returns a seed that `keras.utils.set_random_seed` decides."""
    return int(np.random.randint(2**31))
