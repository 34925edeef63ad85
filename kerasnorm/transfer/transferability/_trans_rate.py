"""Computes TransRate: the coding rate of all features, minus that of each class."""

from typing import Any

import numpy as np

from kerasnorm._validation import as_number
from kerasnorm.data import encode_labels
from kerasnorm.transfer._matrices import read_features
from kerasnorm.transfer.transferability._inputs import centre
from kerasnorm.transfer.transferability._spectrum import by_class

_PRECISE = 1e8  # of I + Gram: eigenvalues up to here leave 8 digits of those near 1


def trans_rate(features: Any, y: Any, epsilon: float = 1e-4) -> float:
    """Computes the TransRate score: the information that features and labels share, by coding rate.

    For layers of one model, or models with features of similar scale and size: the score depends on
    the scale. Larger is better.

        TransRate = R(F) − 1/K Σ_c R(F_c),   R(F) = ½ log det(I + FᵀF / (n ε))

    of features centred over all examples, with n the rows of F or of the class's F_c. As in the
    paper's algorithm every class has the same weight.

    Args:
        features: `(N, D)` finite numbers, one row for each example. Computed in float64.
        y: `(N,)` the examples' labels: integers, gaps allowed, or strings.
        epsilon: The distortion of the code, above 0. Defaults to 0.0001.

    Returns:
        A float; 0 for constant features.

    Raises:
        ValueError: If features are not finite or of another rank, the lengths differ, or epsilon
            is not above 0.

    Example:

    >>> features = np.array([[0.0, 1.0], [0.1, 0.9], [1.0, 0.1], [0.9, 0.0]])
    >>> trans_rate(features, [0, 0, 1, 1]) > trans_rate(features, [0, 1, 0, 1])
    True

    See also:
        `logme` and `gbc`, other scores of features.

    Reference:
        Huang et al., 2022, Frustratingly easy transferability estimation,
        https://arxiv.org/abs/2106.09362
    """
    epsilon = as_number("epsilon", epsilon, 0, interval="()")
    array = read_features(features)
    _, codes = encode_labels("y", y, len(array))
    centred = centre(array)
    of_classes = [_rate(rows, epsilon) for rows in by_class(centred, codes)]
    return float(_rate(centred, epsilon) - np.mean(of_classes))


def _rate(features: np.ndarray, epsilon: float) -> float:
    """Returns ½ log det(I + FᵀF / (n ε)), from the smaller of FᵀF and FFᵀ where it is precise."""
    scale = len(features) * epsilon
    if np.vdot(features, features) > _PRECISE * scale:
        singular = np.linalg.svd(features, compute_uv=False)
        return 0.5 * np.log1p(singular**2 / scale).sum()
    narrow = features if features.shape[0] > features.shape[1] else features.T
    gram = narrow.T @ narrow / scale
    gram.flat[:: len(gram) + 1] += 1
    return np.log(np.linalg.cholesky(gram).diagonal()).sum()
