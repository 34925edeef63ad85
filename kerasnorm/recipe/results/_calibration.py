"""Measures the calibration of a classifier: confidence against accuracy."""

from typing import Any, NamedTuple

import numpy as np

_BINS = 10


class Calibration(NamedTuple):
    """Calibration of a classifier: examples in bins by the probability of the predicted class.

    Attributes:
        counts: Number of examples in each bin; bin k has the probabilities from k/B to (k+1)/B.
        confidence: Mean probability in each bin, 0 for an empty bin.
        accuracy: Accuracy in each bin, 0 for an empty bin.
        error: Σ counts |accuracy − confidence| / N, the expected calibration error.
    """

    counts: list[int]
    confidence: list[float]
    accuracy: list[float]
    error: float


def read_calibration(content: Any) -> Calibration:
    """Returns the calibration that JSON holds; ValueError if it is none."""
    if not isinstance(content, dict) or content.keys() != set(Calibration._fields):
        raise ValueError(f"`calibration` should have {Calibration._fields}. Received: {content!r}.")
    bins = [content[name] for name in ("counts", "confidence", "accuracy")]
    lists = all(isinstance(each, list) and len(each) == len(bins[0]) for each in bins)
    numbers = [*[each for row in bins if lists for each in row], content["error"]]
    if not lists or not all(isinstance(each, int | float) for each in numbers):
        raise ValueError("`calibration` should have three lists of numbers, and an error.")
    return Calibration(**content)


def probabilities(outputs: np.ndarray, logits: bool) -> np.ndarray:
    """Returns outputs (N, ..., K) as probabilities, float64.

    >>> probabilities(np.array([[0.0, np.log(3)]]), logits=True)
    array([[0.25, 0.75]])
    """
    outputs = outputs.astype(np.float64)
    if not logits:
        return outputs
    powers = np.exp(outputs - outputs.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def binned(
    labels: np.ndarray, outputs: np.ndarray, logits: bool, weights: np.ndarray | None = None
) -> np.ndarray:
    """Returns sums over examples in bins by probability, (3, B), which add up over batches.

    They are how many there are, their probabilities, and how many are right, of outputs (N, K),
    logits or probabilities, for labels (N,); weighed, if there are weights (N,).
    """
    sure = probabilities(outputs, logits).max(axis=1)
    right = outputs.argmax(axis=1) == labels
    bins = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    each = np.ones_like(sure) if weights is None else weights
    sums = (each, each * sure, each * right)
    return np.array([np.bincount(bins, weights=each, minlength=_BINS) for each in sums])


def calibration(sums: np.ndarray) -> Calibration:
    """Returns the calibration of the examples in `binned`.

    >>> probabilities = np.array([[0.7, 0.3], [0.1, 0.9], [0.05, 0.95]])
    >>> calibration(binned(np.array([0, 1, 0]), probabilities, logits=False)).counts
    [0, 0, 0, 0, 0, 0, 0, 1, 0, 2]

    Reference:
        Guo et al., 2017, On calibration of modern neural networks, https://arxiv.org/abs/1706.04599
    """
    counts = sums[0]
    confidence, accuracy = sums[1:] / np.where(counts > 0, counts, 1)
    error = float(counts @ np.abs(accuracy - confidence) / counts.sum())
    return Calibration(counts.astype(int).tolist(), confidence.tolist(), accuracy.tolist(), error)
