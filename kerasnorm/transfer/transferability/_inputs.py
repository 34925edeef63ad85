"""Checks the arguments of the scores."""

from typing import Any

import numpy as np

from kerasnorm.transfer._matrices import read_matrix

_TOLERANCE = 1e-3  # of a sum of probabilities: float16 rounds by as much


def centre(features: np.ndarray) -> np.ndarray:
    """Returns the features less their mean; constant ones are 0, whatever the mean rounds to."""
    centred = features - features.mean(axis=0)
    centred[:, (features == features[0]).all(axis=0)] = 0
    return centred


def read_probabilities(probabilities: Any) -> np.ndarray:
    """Returns probabilities of shape (N, Z) in float64, perhaps the given array.

    Raises:
        ValueError: If they are no rows of probabilities that sum to 1.
    """
    name = "source_probabilities"
    array = read_matrix(name, probabilities, "the source model's probabilities (N, Z)")
    wrong = ~((array.min(axis=1) >= 0) & (np.abs(array.sum(axis=1) - 1) <= _TOLERANCE))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"`{name}` should have rows that are not negative and sum to 1. Received: row {row} "
            f"from {array[row].min():.4g} up, of sum {array[row].sum():.4g}. Logits become "
            "probabilities by `keras.ops.softmax`."
        )
    return array
