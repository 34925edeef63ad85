"""tf.data pipelines of examples, on every Keras backend; imported where used."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

Load = Callable[[Any], Any]


def gathered(gather: Load, rows: np.ndarray, batch_size: int) -> "tf.data.Dataset[Any]":
    """Returns the batches of examples that `gather` makes of their numbers."""
    dataset = tf.data.Dataset.from_tensor_slices(rows.astype(np.int64)).batch(batch_size)
    return dataset.map(gather, tf.data.AUTOTUNE).prefetch(2)


def with_sparse_labels(dataset: "tf.data.Dataset[Any]") -> "tf.data.Dataset[Any]":
    """Makes labels (B,) of (B, 1) and of one-hot rows (B, K)."""

    def sparse(x: Any, y: Any, *weights: Any) -> tuple[Any, ...]:
        one_hot = y.shape.rank == 2 and y.shape[-1] != 1
        y = tf.argmax(y, axis=-1) if one_hot else tf.cast(tf.reshape(y, [-1]), tf.int64)
        return x, y, *map(_as_weights, weights)

    return dataset.map(sparse)


def with_rows(dataset: "tf.data.Dataset[Any]") -> "tf.data.Dataset[Any]":
    """Makes float32 rows (B, K) of rows of 0 and 1 of any dtype."""

    def rows(x: Any, y: Any, *weights: Any) -> tuple[Any, ...]:
        return x, tf.cast(y, tf.float32), *map(_as_weights, weights)

    return dataset.map(rows)


def _as_weights(weights: Any) -> Any:
    """Returns float32 (B,) of the weights of examples (B,) or (B, 1) of any dtype."""
    return tf.cast(tf.reshape(weights, [-1]), tf.float32)


def with_numbers(dataset: "tf.data.Dataset[Any]", names: tuple[str, ...]) -> "tf.data.Dataset[Any]":
    """Makes numbers of the names of classes, (B,), (B, 1) or (), which are all known."""

    def numbered(x: Any, y: Any, *weights: Any) -> tuple[Any, ...]:
        numbers = tf.argmax(tf.equal(tf.reshape(y, [-1, 1]), list(names)), axis=-1)
        # of a batch, or of a single example
        return x, numbers if y.shape.rank else numbers[0], *weights

    return dataset.map(numbered)


def with_label_maps(dataset: "tf.data.Dataset[Any]") -> "tf.data.Dataset[Any]":
    """Makes ints (B, H, W) of label maps (B, H, W) and (B, H, W, 1) of any dtype."""

    def sparse(x: Any, y: Any, *weights: Any) -> tuple[Any, ...]:
        y = tf.cast(tf.squeeze(y, axis=-1) if y.shape.rank == 4 else y, tf.int32)
        return x, y, *map(_as_weights, weights)

    return dataset.map(sparse)
