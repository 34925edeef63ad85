"""From examples in memory and the indices of each epoch to a dataset of batches."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnorm.imbalance import _labels
from kerasnorm.imbalance._datasets import check_structure, is_batched

# gathering happens where the batches are made: never on the accelerator
_HOST = "CPU:0"


def read(data: Any) -> tuple[tuple[Any, ...], int]:
    """Returns all examples as a structure of tensors, and how many they are."""
    if _labels.is_dataset(data):
        examples = _read_dataset(data)
    elif isinstance(data, tuple) and len(data) in (2, 3):
        with tf.device(_HOST):
            examples = tuple(map(_to_tensors, data))
    else:
        raise ValueError(
            "`data` should be a tuple (x, y) or (x, y, w) of arrays, or a tf.data.Dataset of such "
            f"tuples. Received: {type(data).__name__}."
        )
    shapes = [leaf.shape for leaf in tf.nest.flatten(examples)]
    sizes = {shape[0] if shape.rank else None for shape in shapes}
    if len(sizes) != 1 or sizes & {0, None}:
        raise ValueError(
            "The arrays should have the same number of examples, at least one, on the first axis. "
            f"Received: shapes {[tuple(shape) for shape in shapes]}."
        )
    return examples, sizes.pop()


def _to_tensors(part: Any) -> Any:
    if isinstance(part, dict):
        return {key: _to_tensors(value) for key, value in part.items()}
    if isinstance(part, tuple):
        return tuple(map(_to_tensors, part))
    return tf.convert_to_tensor(_labels.to_numpy(part))


def _read_dataset(dataset: tf.data.Dataset) -> tuple[Any, ...]:
    spec = check_structure(dataset)
    if spec[1].shape.rank and is_batched(spec):
        raise ValueError(
            "The dataset should yield single examples, and this one seems to yield batches: use "
            f"`dataset.unbatch()`. Received: element_spec={spec}."
        )
    size = int(dataset.cardinality())
    if size < 1:
        known = {-1: "it never ends", 0: "it is empty"}.get(size, "its length is not known")
        raise ValueError(
            f"The dataset is kept in memory, so it should have a known length: {known}. Use "
            "`dataset.take(n)`, or "
            "`dataset.apply(tf.data.experimental.assert_cardinality(n))` if n is its length."
        )
    try:
        with tf.device(_HOST):
            return next(iter(dataset.batch(size)))
    except tf.errors.InvalidArgumentError as error:
        raise ValueError(
            "The examples of the dataset do not make one array: all should have the same shape. "
            f"Resize or pad them, or pass arrays. TensorFlow said: {error.message}"
        ) from error


def batches(
    examples: Any, draw: Callable[[int], np.ndarray], epoch_size: int, batch_size: int
) -> tf.data.Dataset:
    """Gathers the batches of an epoch; each pass over the dataset is the next epoch.

    An iterator of it, repeated or not, can be saved at any batch and restored, since its state
    holds the number of its epoch. For that `flat_map` must not come to its end when gathering
    reads ahead: its stream goes on with empty batches, which `take` leaves out.
    """
    passes = _Passes(draw)
    steps = -(-epoch_size // batch_size)

    def next_epoch(_: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(tf.numpy_function(passes.begin, [], tf.int64), [])

    def index_batches(epoch: tf.Tensor) -> tf.data.Dataset:
        indices = tf.numpy_function(passes.indices, [epoch], tf.int64)
        indices = tf.ensure_shape(indices, [epoch_size])
        starts = tf.data.Dataset.counter(0, batch_size)
        return starts.map(lambda start: indices[start : start + batch_size])

    def gather(indices: tf.Tensor) -> Any:
        return tf.nest.map_structure(lambda tensor: tf.gather(tensor, indices), examples)

    options = tf.data.Options()
    options.experimental_external_state_policy = tf.data.experimental.ExternalStatePolicy.IGNORE
    return (
        tf.data.Dataset.from_tensors(0)
        .map(next_epoch)
        .flat_map(index_batches)
        .map(gather, num_parallel_calls=tf.data.AUTOTUNE)
        .take(steps)
        .apply(tf.data.experimental.assert_cardinality(steps))
        .with_options(options)
    )


class _Passes:
    """Counts the passes over a dataset, outside of its iterators."""

    def __init__(self, draw: Callable[[int], np.ndarray]) -> None:
        self._draw = draw
        self._latest = 0

    def begin(self) -> np.int64:
        self._latest += 1
        return np.int64(self._latest)

    def indices(self, epoch: np.int64) -> np.ndarray:
        # a restored iterator comes here first, with the epoch that it was in
        self._latest = max(self._latest, int(epoch))
        return self._draw(int(epoch))
