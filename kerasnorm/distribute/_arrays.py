"""Arrays as a dataset whose order the seed and the number of the epoch alone decide."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnorm.backend.epoch_counter import EpochCounter
from kerasnorm.backend.epochs import indexed


def are_arrays(x: Any) -> bool:
    """Returns whether `fit` would slice this itself."""
    leaves = keras.tree.flatten(x)
    return bool(leaves) and all(hasattr(leaf, "shape") for leaf in leaves)


def split(arrays: Any, share: float) -> tuple[Any, Any]:
    """Returns the first of the examples, and the last ones, the share of them."""
    size = keras.tree.flatten(arrays)[0].shape[0]
    at = int(np.floor(size * (1.0 - share)))
    return tuple(
        keras.tree.map_structure(lambda array, part=part: array[part], arrays)
        for part in (slice(at), slice(at, None))
    )


def in_order_of(arrays: Any, batch_size: int, seed: int) -> tf.data.Dataset:
    """Returns batches in another order in each epoch; see `indexed`."""
    tensors = keras.tree.map_structure(tf.convert_to_tensor, arrays)
    sizes = {int(tensor.shape[0]) for tensor in keras.tree.flatten(tensors)}
    if len(sizes) > 1:
        raise ValueError(
            f"Arrays should have as many examples as one another. Received: {sorted(sizes)}."
        )
    (size,) = sizes

    def draw(epoch):
        return np.random.default_rng((seed, int(epoch))).permutation(size)

    def gather(rows):
        return keras.tree.map_structure(lambda tensor: tf.gather(tensor, rows), tensors)

    return indexed(draw, gather, size, batch_size, EpochCounter())
