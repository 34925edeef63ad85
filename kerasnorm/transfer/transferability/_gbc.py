"""Computes GBC: the overlap of the classes as Gaussians."""

from typing import Any

import numpy as np

from kerasnorm.data import encode_labels
from kerasnorm.transfer._matrices import read_features
from kerasnorm.transfer.transferability._inputs import centre
from kerasnorm.transfer.transferability._spectrum import GRAM_IS_PRECISE, class_sums

_COMPONENTS = 64
_LEAST_VARIANCE = 1e-4


def gbc(features: Any, y: Any) -> float:
    """Computes the Gaussian Bhattacharyya coefficient: the negative overlap of the classes.

    For any features of similar scale. Larger is better, 0: no overlap; at least −K(K − 1), which is
    what constant features get.

        GBC = −Σ_{i≠j} exp(−D(i, j))
        D(i, j) = 1/8 Σ (μ_i − μ_j)² / σ² + ½ Σ log(σ² / (σ_i σ_j)),   σ² = (σ_i² + σ_j²) / 2

    over ordered pairs of classes, with a diagonal Gaussian for each class in the features' first 64
    principal components. As published, variances divide by the class's size, and are 1e-4 or more.

    Args:
        features: `(N, D)` finite numbers, one row for each example. Computed in float64.
        y: `(N,)` the examples' labels: integers, gaps allowed, or strings.

    Returns:
        A float, at most 0.

    Raises:
        ValueError: If features are not finite or of another rank, or the lengths differ.

    Example:

    >>> features = np.array([[0.0, 1.0], [0.1, 0.9], [1.0, 0.1], [0.9, 0.0]])
    >>> gbc(features, [0, 0, 1, 1]) > gbc(features, [0, 1, 0, 1])
    True

    See also:
        `logme`, another score of features; `leep`, for a classifier.

    Reference:
        Pándy et al., 2022, Transferability estimation using Bhattacharyya class separability,
        https://arxiv.org/abs/2111.12780
    """
    array = read_features(features)
    _, codes = encode_labels("y", y, len(array))
    components = _principal_components(centre(array))
    counts = np.bincount(codes)[:, None]
    means = class_sums(components, codes) / counts
    variances = class_sums((components - means[codes]) ** 2, codes) / counts
    variances = np.maximum(variances, _LEAST_VARIANCE)
    overlap = 0.0
    for i in range(len(means)):
        distances = _distances(means[i], variances[i], means, variances)
        distances[i] = np.inf  # from itself
        overlap += np.exp(-distances).sum()
    return float(0 - overlap)


def _principal_components(centred: np.ndarray) -> np.ndarray:
    """Returns the first 64 principal components of centred features, or all there are."""
    if centred.shape[0] > centred.shape[1]:
        values, vectors = np.linalg.eigh(centred.T @ centred)
        values, vectors = values[-_COMPONENTS:], vectors[:, -_COMPONENTS:]
        if values[0] > GRAM_IS_PRECISE * values[-1]:
            return centred @ vectors
    left, singular, _ = np.linalg.svd(centred, full_matrices=False)
    return left[:, :_COMPONENTS] * singular[:_COMPONENTS]


def _distances(
    mean: np.ndarray, variance: np.ndarray, means: np.ndarray, variances: np.ndarray
) -> np.ndarray:
    """Returns the Bhattacharyya distances of one diagonal Gaussian from each of several."""
    middle = (variance + variances) / 2
    apart = ((mean - means) ** 2 / middle).sum(axis=1) / 8
    ratio = middle / np.sqrt(variance * variances)
    return apart + np.log(ratio).sum(axis=1) / 2
