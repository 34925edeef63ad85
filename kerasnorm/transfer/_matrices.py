"""Checks features and other matrices with one row per example."""

from typing import Any

import numpy as np

from kerasnorm.data import to_numpy


def read_features(features: Any) -> np.ndarray:
    """Returns features of shape (N, D) in float64, perhaps the given array: never write to it.

    Raises:
        ValueError: If the rank is another, there are none, or not all are finite numbers.
    """
    array = read_matrix("features", features, "features (N, D), a row for each example")
    if not np.isfinite(array).all():
        row = int(np.argmin(np.isfinite(array).all(axis=1)))
        raise ValueError(
            f"`features` should be finite. Received: NaN or infinity, first in row {row}. Look at "
            "the model's output on that example, or leave it out."
        )
    return array


def read_matrix(name: str, data: Any, expected: str) -> np.ndarray:
    """Returns real numbers of rank 2 in float64; the message says what else was `expected`."""
    array = to_numpy(data, name)
    if array.ndim != 2 or not array.size:
        maps = " Pool feature maps first: `.mean(axis=(1, 2))`." if array.ndim == 4 else ""
        raise ValueError(f"`{name}` should be {expected}. Received: shape {array.shape}.{maps}")
    if array.dtype.kind not in "biuf" and array.dtype.name != "bfloat16":
        raise ValueError(f"`{name}` should hold real numbers. Received: dtype {array.dtype}.")
    return array.astype(np.float64, copy=False)
