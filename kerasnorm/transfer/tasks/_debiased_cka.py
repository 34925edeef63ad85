"""Compares two representations."""

from typing import Any

import numpy as np

from kerasnorm.data import to_numpy
from kerasnorm.transfer.transferability import centre

_LEAST = 4  # examples, of which the unbiased estimate needs more than three


def debiased_cka(a: Any, b: Any) -> float:
    """Computes the similarity of two representations of the same examples: debiased linear CKA.

    The cosine between the similarity matrices K = A Aᵀ and L = B Bᵀ, each centred so that their
    product is an unbiased estimate of the dependence (HSIC):

        CKA = <K̃, L̃> / √(<K̃, K̃> <L̃, L̃>)

    with the diagonal of K̃ zero, and K̃_ij = K_ij − Σ_l K_il / (N−2) − Σ_l K_lj / (N−2)
    + Σ_lm K_lm / ((N−1)(N−2)) elsewhere, sums without the diagonal. The plain form tends to 1 when
    there are more features than examples, whatever they are; this one does not.

    Args:
        a: `(N, ...)` finite numbers, N ≥ 4 examples; maps are taken as long vectors.
        b: `(N, ...)` finite numbers, of the same examples.

    Returns:
        A float in [-1, 1]: 1 for equal ones up to rotation, shift and scale, about 0 for unrelated
        ones. A constant representation is like no other: 0.

    Raises:
        ValueError: If lengths differ, there are too few examples, or numbers are not finite.

    Example:

    >>> a = np.random.default_rng(0).normal(size=(50, 3))
    >>> round(debiased_cka(a, 2 * a[:, ::-1] + 1), 6)
    1.0

    See also:
        `TaskAffinity`; `kerasnorm.transfer.transferability.logme`.

    References:
        Song et al., 2012, Feature selection via dependence maximization (the estimate of HSIC).
        Székely and Rizzo, 2014, Partial distance correlation, https://arxiv.org/abs/1310.2926
        Kornblith et al., 2019, Similarity of neural network representations revisited,
        https://arxiv.org/abs/1905.00414
        Nguyen et al., 2021, Do wide and deep networks learn the same things?,
        https://arxiv.org/abs/2010.15327
    """
    first, second = similarities("a", a), similarities("b", b)
    if len(first) != len(second):
        raise ValueError(
            f"`a` and `b` should be of the same examples. Received: {len(first)} and {len(second)}."
        )
    return cosine(first, second)


def cosine(first: np.ndarray, second: np.ndarray) -> float:
    """Returns the cosine of the angle between two matrices of similarities, 0 if one is 0."""
    norms = np.linalg.norm(first) * np.linalg.norm(second)
    return float(np.vdot(first, second) / norms) if norms > 0 else 0.0


def similarities(name: str, representation: Any) -> np.ndarray:
    """Returns the centred matrix of similarities (N, N), of zero diagonal."""
    array = to_numpy(representation, name)
    if array.ndim < 2 or len(array) < _LEAST or not array.size:
        raise ValueError(
            f"`{name}` should be a representation (N, ...) of at least {_LEAST} examples. "
            f"Received: shape {array.shape}."
        )
    if array.dtype.kind not in "biuf" or not np.isfinite(array).all():
        raise ValueError(
            f"`{name}` should hold finite numbers. Received: dtype {array.dtype}, or NaN."
        )
    rows = centre(array.reshape(len(array), -1).astype(np.float64))  # for the rounding alone
    rows /= np.abs(rows).max() or 1
    kernel = rows @ rows.T
    np.fill_diagonal(kernel, 0)
    n, sums = len(kernel), kernel.sum(axis=0)
    kernel -= (sums[:, None] + sums) / (n - 2)
    kernel += sums.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(kernel, 0)
    return kernel
