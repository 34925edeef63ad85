"""From the indices of each epoch to a dataset of batches."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnorm.data._epoch_counter import EpochCounter

Load = Callable[[tf.Tensor], Any]


def indexed(
    draw: Callable[[int], np.ndarray],
    gather: Load,
    epoch_size: int,
    batch_size: int,
    counter: EpochCounter,
) -> "tf.data.Dataset[Any]":
    """Gathers the batches of an epoch from its indices.

    An iterator of it, repeated or not, can be saved at any batch and restored, since its state
    holds the number of its epoch. For that `flat_map` must not come to its end when gathering
    reads ahead: its stream goes on with empty batches, which `finite` leaves out.
    """

    whole = epoch_size // batch_size * batch_size

    def epoch_batches(epoch: tf.Tensor) -> tf.data.Dataset:
        indices = tf.numpy_function(draw, [epoch], tf.int64)
        indices = tf.ensure_shape(indices, [epoch_size])
        # rows of a matrix cost less than slices by a function
        rows = tf.data.Dataset.from_tensor_slices(tf.reshape(indices[:whole], [-1, batch_size]))
        rest = tf.data.Dataset.from_tensors(indices[whole:])
        empty = tf.data.Dataset.from_tensors(indices[:0]).repeat()
        return rows.concatenate(rest).concatenate(empty)

    dataset = passes(epoch_batches, counter).map(gather, num_parallel_calls=tf.data.AUTOTUNE)
    return finite(dataset, -(-epoch_size // batch_size), counter)


def passes(
    epoch_of: "Callable[[tf.Tensor], tf.data.Dataset[Any]]", counter: EpochCounter
) -> "tf.data.Dataset[Any]":
    """Returns a dataset that is the next epoch in each pass."""

    def restored(epoch: np.int64) -> np.int64:
        counter.see(int(epoch))
        return epoch

    def next_epoch(_: tf.Tensor) -> tf.Tensor:
        number = tf.numpy_function(lambda: np.int64(counter.begin()), [], tf.int64)
        return tf.ensure_shape(number, [])

    def seen(epoch: tf.Tensor) -> tf.data.Dataset:
        # a restored iterator comes here first, with the epoch that it was in
        return epoch_of(tf.ensure_shape(tf.numpy_function(restored, [epoch], tf.int64), []))

    return tf.data.Dataset.from_tensors(0).map(next_epoch).flat_map(seen)


def finite(
    dataset: "tf.data.Dataset[Any]", steps: int, counter: EpochCounter
) -> "tf.data.Dataset[Any]":
    """Ends the dataset after that many batches, and lets its iterators be saved."""
    options = tf.data.Options()
    options.experimental_external_state_policy = tf.data.experimental.ExternalStatePolicy.IGNORE
    dataset = (
        dataset.take(steps)
        .apply(tf.data.experimental.assert_cardinality(steps))
        .with_options(options)
    )
    dataset.epoch_counter = counter
    return dataset
