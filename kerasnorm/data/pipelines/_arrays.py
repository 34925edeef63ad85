"""Examples in arrays, in memory or mapped into it."""

from typing import Any

import numpy as np
import tensorflow as tf

from kerasnorm.data import _labels
from kerasnorm.data.pipelines._datasets import check_single_examples

# gathering happens where the batches are made: never on the accelerator
_HOST = "CPU:0"


class Arrays:
    """Examples on the first axis of arrays.

    Attributes:
        labels: What `data` has as y.
        size: N, the number of examples.
    """

    def __init__(self, data: Any) -> None:
        if _labels.is_dataset(data):
            self._examples = _read_dataset(data)
        elif isinstance(data, tuple) and len(data) in (2, 3):
            self._examples = tuple(map(_to_numpy, data))
        else:
            raise ValueError(
                "`data` should be a tuple (x, y) or (x, y, w) of arrays, a tf.data.Dataset of such "
                "tuples, ImageFiles or TFRecords. "
                f"Received: {type(data).__name__}."
            )
        shapes = [leaf.shape for leaf in tf.nest.flatten(self._examples)]
        sizes = {shape[0] if len(shape) else None for shape in shapes}
        if len(sizes) != 1 or sizes & {0, None}:
            raise ValueError(
                "The arrays should have the same number of examples, at least one, on the first "
                f"axis. Received: shapes {[tuple(shape) for shape in shapes]}."
            )
        self.size: int = sizes.pop()
        self.labels: Any = self._examples[1]

    def gatherer(self) -> Any:
        """Returns a function from a tensor of indices to a batch, for `tf.data.Dataset.map`."""
        with tf.device(_HOST):
            gatherers = tf.nest.map_structure(_gatherer, self._examples)
            # TensorFlow keeps a second copy of what it converted until it converts something else
            tf.convert_to_tensor(np.zeros(1))
        return lambda indices: tf.nest.map_structure(lambda gather: gather(indices), gatherers)

    def batch(self, indices: np.ndarray) -> Any:
        """Returns a batch of NumPy arrays."""
        return tf.nest.map_structure(lambda leaf: np.asarray(leaf[indices]), self._examples)


def _gatherer(leaf: np.ndarray) -> Any:
    if isinstance(leaf, np.memmap):
        return _disk_gatherer(leaf)
    tensor = tf.convert_to_tensor(leaf)
    return lambda indices: tf.gather(tensor, indices)


def _disk_gatherer(leaf: np.memmap) -> Any:
    def gather(indices: tf.Tensor) -> tf.Tensor:
        rows = tf.numpy_function(lambda where: np.asarray(leaf[where]), [indices], leaf.dtype)
        return tf.ensure_shape(rows, [indices.shape[0], *leaf.shape[1:]])

    return gather


def _to_numpy(part: Any) -> Any:
    if isinstance(part, dict):
        return {key: _to_numpy(value) for key, value in part.items()}
    if isinstance(part, tuple):
        return tuple(map(_to_numpy, part))
    return part if isinstance(part, np.memmap) else _labels.to_numpy(part)


def _read_dataset(dataset: tf.data.Dataset) -> Any:
    check_single_examples(dataset)
    size = int(dataset.cardinality())
    if size < 1:
        known = {-1: "it never ends", 0: "it is empty"}.get(size, "its length is not known")
        raise ValueError(
            f"The dataset is kept in memory, so it should have a known length: {known}. Use "
            "`dataset.take(n)`, or "
            "`dataset.apply(tf.data.experimental.assert_cardinality(n))` if n is its length; or "
            "read it as a stream by saying how long an epoch is, `epoch_size=`."
        )
    try:
        return next(dataset.batch(size).as_numpy_iterator())
    except tf.errors.InvalidArgumentError as error:
        raise ValueError(
            "The examples of the dataset do not make one array: all should have the same shape. "
            f"Resize or pad them, or pass arrays. TensorFlow said: {error.message}"
        ) from error
