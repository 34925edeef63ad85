"""Temperature scaling: how much too sure a classifier is."""

import numpy as np

from kerasnorm.recipe.results._calibration import Calibration, binned, calibration
from kerasnorm.recipe.results._predictions import Predictions

_LOWEST = np.log(1e-12)
_RANGE = np.log([0.05, 20.0])


def temperature(labels: np.ndarray, logits: np.ndarray) -> float:
    """Returns the T that makes softmax(logits / T) most probable for the labels, 0.05 to 20.

    Above 1 the classifier is too sure of itself. The classes that are predicted stay the same.

    >>> logits = np.log([[0.9, 0.1]] * 10)
    >>> round(temperature(np.repeat([0, 1], [7, 3]), logits), 2)  # 90 % sure, 70 % right
    2.59

    Reference:
        Guo et al., 2017, On calibration of modern neural networks, https://arxiv.org/abs/1706.04599
    """
    low, high = _RANGE
    for _ in range(40):  # the slope in 1 / T rises, the loss being convex
        middle = (low + high) / 2
        scaled = logits / np.exp(middle)
        shares = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        slope = (shares * logits).sum() - logits[np.arange(len(labels)), labels].sum()
        low, high = (middle, high) if slope > 0 else (low, middle)
    return float(np.exp((low + high) / 2))


def scaled_calibration(predictions: Predictions) -> tuple[Calibration, float] | None:
    """Returns the calibration after temperature scaling, and the temperature of all examples.

    Each half of the examples is scaled by the temperature of the other half, so that it is judged
    on what it was not chosen by. None for fewer than 20 examples.
    """
    size, labels = predictions.size, predictions.labels
    if size < 20:
        return None
    logits = np.maximum(np.log(np.maximum(predictions.probabilities, 1e-300)), _LOWEST)
    half = np.random.default_rng(0).permutation(size) < size // 2
    sums = 0
    for part in (half, ~half):
        of_the_other = temperature(labels[~part], logits[~part])
        sums = sums + binned(labels[part], logits[part] / of_the_other, logits=True)
    return calibration(sums), temperature(labels, logits)
