"""Computes LogME: the logarithm of the maximum evidence."""

from typing import Any

import numpy as np

from kerasnorm.data import encode_labels
from kerasnorm.transfer._matrices import read_features
from kerasnorm.transfer.transferability._spectrum import (
    GRAM_IS_PRECISE,
    Spectrum,
    columns_are_alike,
    exact_spectrum,
    gram_spectrum,
)

_NOISE = 1e-12  # the least variance of the noise, 1/β: the evidence has no bound without one
_STEP = 0.5  # of log(α/β), in which the evidence bends over about 4
_BELOW, _ABOVE = 42.0, 28.0  # how far beyond the eigenvalues the best log(α/β) is looked for
_HALVINGS = 30


def logme(features: Any, y: Any) -> float:
    """Computes the LogME score: how well a linear model with Gaussian weights explains the labels.

    For any features, of supervised or unsupervised models; nothing to train, no settings. Larger
    is better; it may be positive. Compare models on one set of examples.

    For each class, t is 1 for its examples and 0 for the others, and the evidence of the model
    t = F w + noise, with w ~ N(0, 1/α) and noise ~ N(0, 1/β), is maximised over α and β:

        log p(t | F) = N/2 log β + k/2 log α − N/2 log 2π − ½ Σ_j log(α + β s_j²)
                       − β/2 |F m − t|² − α/2 |m|²

    with s the k singular values of F that are not 0 and m the posterior mean of w. It depends on
    α/β alone once β is at its best, so the maximum is found, and not what a few fixed-point steps
    happen to reach; there is no D/2 log α for directions in which F is 0. The result is the mean
    over classes, an example. The noise's variance is taken as 1e-12 or more, which bounds the
    evidence of classes that the features tell apart exactly.

    Args:
        features: `(N, D)` finite numbers, one row for each example. Computed in float64.
        y: `(N,)` the examples' labels: integers, gaps allowed, or strings.

    Returns:
        A float.

    Raises:
        ValueError: If features are not finite or of another rank, or the lengths differ.

    Example:

    >>> features = np.array([[0.0, 1.0], [0.1, 0.9], [1.0, 0.1], [0.9, 0.0]])
    >>> logme(features, [0, 0, 1, 1]) > logme(features, [0, 1, 0, 1])
    True

    See also:
        `gbc` and `h_score`, other scores of features; `leep`, for a classifier.

    Reference:
        You et al., 2021, LogME: practical assessment of pre-trained models for transfer learning,
        https://arxiv.org/abs/2102.11005
    """
    array = read_features(features)
    _, codes = encode_labels("y", y, len(array))
    if array.shape[0] > array.shape[1] and columns_are_alike(array):
        evidence, precise = _maximum_evidence(gram_spectrum(array, codes), codes)
        if precise:
            return evidence
    return _maximum_evidence(exact_spectrum(array, codes), codes)[0]


def _maximum_evidence(spectrum: Spectrum, codes: np.ndarray) -> tuple[float, bool]:
    """Returns the score, and whether the spectrum would have been precise enough as Gram's."""
    squares = spectrum.projections**2
    norms = np.bincount(codes).astype(np.float64)
    n = len(codes)
    without = _evidence(norms, 0.0, n)  # α at infinity: the features explain nothing
    if not spectrum.values.size:
        return float(without.mean() / n), True
    values = spectrum.values / spectrum.values.max()  # α takes up the scale
    residual = np.maximum(norms - squares.sum(axis=0), 0)

    grid = np.arange(np.log(values.min()) - _BELOW, _ABOVE, _STEP)
    shrunk = 1 / (1 + values * np.exp(-grid)[:, None])
    evidence = _evidence(shrunk @ squares + residual, np.log(shrunk).sum(1)[:, None], n)
    start = grid[evidence.argmax(axis=0)]

    best = _refine(start, values[:, None], squares, residual, n)
    shrunk = 1 / (1 + values[:, None] * np.exp(-best))
    misfit = (squares * shrunk).sum(axis=0) + residual
    refined = _evidence(misfit, np.log(shrunk).sum(axis=0), n)
    precise = (np.exp(best) > GRAM_IS_PRECISE) & (misfit > GRAM_IS_PRECISE * norms)
    maximum = np.maximum.reduce([evidence.max(axis=0), refined, without])
    return float(maximum.mean() / n), bool(precise.all())


def _evidence(misfit: np.ndarray, logdet: Any, n: int) -> np.ndarray:
    """Returns the log evidence at the best β.

    Args:
        misfit: |F m − t|² + α/β |m|², which is Σ x² w + |t − UUᵀt|² for x = Uᵀt.
        logdet: Σ log w, for w = α / (α + β s²), the share of each direction that is shrunk away.
        n: The number of examples.
    """
    beta = _best_beta(misfit, n)
    return 0.5 * (n * np.log(beta / (2 * np.pi)) - beta * misfit + logdet)


def _best_beta(misfit: np.ndarray, n: int) -> np.ndarray:
    return 1 / np.maximum(misfit / n, _NOISE)


def _refine(
    start: np.ndarray, values: np.ndarray, squares: np.ndarray, residual: np.ndarray, n: int
) -> np.ndarray:
    """Returns the log(α/β) near the start, one per class, where the evidence is level."""
    low, high = start - _STEP, start + _STEP
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        ratio = values * np.exp(-middle)
        shrunk = 1 / (1 + ratio)
        fitted = ratio * shrunk
        beta = _best_beta((squares * shrunk).sum(axis=0) + residual, n)
        rising = fitted.sum(axis=0) > beta * (squares * shrunk * fitted).sum(axis=0)
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    return (low + high) / 2
