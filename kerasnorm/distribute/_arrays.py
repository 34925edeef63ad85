"""Handles arrays as arguments of `fit`."""

from typing import Any

import keras
import numpy as np


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
