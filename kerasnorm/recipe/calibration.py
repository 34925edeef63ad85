"""Whether a classifier is as sure as it is often right."""

from typing import NamedTuple

import numpy as np

_BINS = 10


class Calibration(NamedTuple):
    """The examples in bins by the probability of the class that was predicted.

    Attributes:
        counts: how many examples each bin has; bin k has the probabilities from k/B to (k+1)/B.
        confidence: their mean probability, 0 for an empty bin.
        accuracy: the share of them that is right, 0 for an empty bin.
        error: Σ counts |accuracy − confidence| / N, the expected calibration error.
    """

    counts: list[int]
    confidence: list[float]
    accuracy: list[float]
    error: float


def probabilities(outputs: np.ndarray, logits: bool) -> np.ndarray:
    """Returns outputs (N, K) as probabilities, float64.

    >>> probabilities(np.array([[0.0, np.log(3)]]), logits=True)
    array([[0.25, 0.75]])
    """
    outputs = outputs.astype(np.float64)
    if not logits:
        return outputs
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def calibration(labels: np.ndarray, outputs: np.ndarray, logits: bool) -> Calibration:
    """Returns the calibration of outputs (N, K), logits or probabilities, for labels (N,).

    >>> probabilities = np.array([[0.7, 0.3], [0.1, 0.9], [0.05, 0.95]])
    >>> calibration(np.array([0, 1, 0]), probabilities, logits=False).counts
    [0, 0, 0, 0, 0, 0, 0, 1, 0, 2]

    Reference: Guo et al., 2017, On calibration of modern neural networks, arXiv:1706.04599.
    """
    sure = probabilities(outputs, logits).max(axis=1)
    right = outputs.argmax(axis=1) == labels
    bins = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    counts = np.bincount(bins, minlength=_BINS)
    sums = (np.bincount(bins, weights=values, minlength=_BINS) for values in (sure, right))
    confidence, accuracy = (each / np.maximum(counts, 1) for each in sums)
    error = float(counts @ np.abs(accuracy - confidence) / len(labels))
    return Calibration(counts.tolist(), confidence.tolist(), accuracy.tolist(), error)
