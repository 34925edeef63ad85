"""Gathers examples by index, from arrays or files on disk."""

from typing import Any, Protocol

import keras
import numpy as np

from kerasnorm.data._arrays import to_numpy, without_objects
from kerasnorm.data._dataset import DatasetReader, read_dataset
from kerasnorm.data._forms import as_known_form, dataset_of
from kerasnorm.data._image_files import ImageFiles
from kerasnorm.data._segmentation_folder import SegmentationFolder
from kerasnorm.data._tf_records import TFRecords

# gathering happens where the batches are made: never on the accelerator
_HOST = "CPU:0"


class Source(Protocol):
    """N examples with labels: `Arrays`, `ImageFiles`, a `SegmentationFolder` or `TFRecords`."""

    @property
    def size(self) -> int:
        """N, the number of the examples."""

    @property
    def labels(self) -> Any:
        """Their labels, N on the first axis."""

    def gatherer(self) -> Any:
        """Returns a function from a tensor of indices to a batch, for `tf.data.Dataset.map`."""


class Arrays:
    """Examples on the first axis of arrays, in memory or mapped into it.

    Attributes:
        labels: What `data` has as y.
        size: N, the number of examples.
    """

    def __init__(self, data: Any) -> None:
        if isinstance(data, list) and len(data) in (2, 3):
            data = tuple(data)
        if not isinstance(data, tuple) or len(data) not in (2, 3):
            raise ValueError(
                "`data` should be a tuple (x, y) or (x, y, w) of arrays, a tf.data.Dataset of such "
                "tuples, ImageFiles or TFRecords. "
                f"Received: {type(data).__name__}."
            )
        self._examples = tuple(map(_as_arrays, data))
        shapes = [leaf.shape for leaf in keras.tree.flatten(self._examples)]
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
        import tensorflow as tf

        with tf.device(_HOST):
            gatherers = tf.nest.map_structure(_gatherer, self._examples)
            # TensorFlow keeps a second copy of what it converted until it converts something else
            tf.convert_to_tensor(np.zeros(1))
        return lambda indices: tf.nest.map_structure(lambda gather: gather(indices), gatherers)

    def batch(self, indices: np.ndarray) -> Any:
        """Returns a batch of NumPy arrays."""
        return keras.tree.map_structure(lambda leaf: np.asarray(leaf[indices]), self._examples)


def read_source(data: Any) -> Source | DatasetReader:
    """Returns what `data` is drawn from; or of a tf.data.Dataset its reader: it may be a stream."""
    if isinstance(data, ImageFiles | SegmentationFolder | TFRecords):
        return data
    data = as_known_form(data)
    if isinstance(data, keras.utils.PyDataset):
        data = dataset_of(data, "data")
    reader = None if isinstance(data, tuple) else read_dataset(data)
    return Arrays(data) if reader is None else reader.one_by_one()


def _as_arrays(part: Any) -> Any:
    if isinstance(part, dict):
        return {key: _as_arrays(value) for key, value in part.items()}
    if isinstance(part, tuple):
        return tuple(map(_as_arrays, part))
    return part if isinstance(part, np.memmap) else without_objects(to_numpy(part))


def _gatherer(leaf: np.ndarray) -> Any:
    import tensorflow as tf

    if isinstance(leaf, np.memmap):
        return _disk_gatherer(leaf)
    tensor = tf.convert_to_tensor(leaf)
    return lambda indices: tf.gather(tensor, indices)


def _disk_gatherer(leaf: np.memmap) -> Any:
    import tensorflow as tf

    def gather(indices: tf.Tensor) -> tf.Tensor:
        rows = tf.numpy_function(lambda where: np.asarray(leaf[where]), [indices], leaf.dtype)
        return tf.ensure_shape(rows, [indices.shape[0], *leaf.shape[1:]])

    return gather
