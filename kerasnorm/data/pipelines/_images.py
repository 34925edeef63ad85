"""tf.data pipelines and the decoding of images, on every Keras backend; imported where used."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
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

    def sparse(x: Any, y: Any) -> tuple[Any, Any]:
        one_hot = y.shape.rank == 2 and y.shape[-1] != 1
        return x, tf.argmax(y, axis=-1) if one_hot else tf.cast(tf.reshape(y, [-1]), tf.int64)

    return dataset.map(sparse)


def with_label_maps(dataset: "tf.data.Dataset[Any]") -> "tf.data.Dataset[Any]":
    """Makes ints (B, H, W) of label maps (B, H, W) and (B, H, W, 1) of any dtype."""

    def sparse(x: Any, y: Any) -> tuple[Any, Any]:
        return x, tf.cast(tf.squeeze(y, axis=-1) if y.shape.rank == 4 else y, tf.int32)

    return dataset.map(sparse)


def load_image(path: str, size: int) -> np.ndarray:
    """Returns the image in a file, float32 (size, size, 3), from 0 to 255.

    It computes op by op, never by a graph of its own: that would wait for a thread of the pool
    that all pipelines share, whose threads may all wait for this image.

    Raises:
        ValueError: If it cannot be decoded.
    """
    with tf.device("CPU:0"):
        try:
            image = decode(tf.io.read_file(path))
        except tf.errors.OpError as error:
            raise ValueError(
                f"The image {path!r} could not be decoded: {error.message}. Leave it out, for "
                "example by `subset(files.readable())`."
            ) from error
        return tf.image.resize(image, (size, size), antialias=True).numpy()


def decode(content: Any) -> tf.Tensor:
    """Returns the image in the content of a file, uint8 (H, W, 3); the first one of a GIF."""
    image = tf.io.decode_image(content, channels=3, expand_animations=False)
    return tf.ensure_shape(image, (None, None, 3))


def readable(paths: list[str]) -> np.ndarray:
    """Returns whether each file is an image that can be decoded, (N,) of bool."""

    def is_readable(path: str) -> bool:
        try:
            decode(Path(path).read_bytes())
        except (OSError, tf.errors.InvalidArgumentError):
            return False
        return True

    with ThreadPoolExecutor() as threads:
        return np.array(list(threads.map(is_readable, paths)), dtype=bool)
