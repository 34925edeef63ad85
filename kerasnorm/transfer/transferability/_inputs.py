"""What the scores take, and what they say of anything else."""

from typing import Any

import numpy as np

from kerasnorm.data import to_numpy

_TOLERANCE = 1e-3  # of a sum of probabilities: float16 rounds by as much


def read_features(features: Any) -> np.ndarray:
    """Returns features of shape (N, D) in float64, perhaps the given array: never write to it.

    Raises:
        ValueError: if the rank is another, there are none, or not all are finite numbers.
    """
    array = _read_matrix("features", features, "features (N, D), a row for each example")
    if not np.isfinite(array).all():
        row = int(np.argmin(np.isfinite(array).all(axis=1)))
        raise ValueError(
            f"`features` should be finite. Received: NaN or infinity, first in row {row}. Look at "
            "the model's output on that example, or leave it out."
        )
    return array


def centre(features: np.ndarray) -> np.ndarray:
    """Returns the features less their mean; constant ones are 0, whatever the mean rounds to."""
    centred = features - features.mean(axis=0)
    centred[:, (features == features[0]).all(axis=0)] = 0
    return centred


def read_probabilities(probabilities: Any) -> np.ndarray:
    """Returns probabilities of shape (N, Z) in float64, perhaps the given array.

    Raises:
        ValueError: if they are no rows of probabilities that sum to 1.
    """
    name = "source_probabilities"
    array = _read_matrix(name, probabilities, "the source model's probabilities (N, Z)")
    wrong = ~((array.min(axis=1) >= 0) & (np.abs(array.sum(axis=1) - 1) <= _TOLERANCE))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"`{name}` should have rows that are not negative and sum to 1. Received: row {row} "
            f"from {array[row].min():.4g} up, of sum {array[row].sum():.4g}. Logits become "
            "probabilities by `keras.ops.softmax`."
        )
    return array


def _read_matrix(name: str, data: Any, expected: str) -> np.ndarray:
    array = to_numpy(data, name)
    if array.ndim != 2 or not array.size:
        maps = " Pool feature maps first: `.mean(axis=(1, 2))`." if array.ndim == 4 else ""
        raise ValueError(f"`{name}` should be {expected}. Received: shape {array.shape}.{maps}")
    if array.dtype.kind not in "biuf" and array.dtype.name != "bfloat16":
        raise ValueError(f"`{name}` should hold real numbers. Received: dtype {array.dtype}.")
    return array.astype(np.float64, copy=False)
