"""Computes affinities from pairwise comparisons: the analytic hierarchy process."""

from typing import Any

import numpy as np

from kerasnorm.data import to_numpy

_LEAST, _MOST = 0.001, 0.999


def affinity_from_wins(wins: Any) -> np.ndarray:
    """Computes how well each of S transfers serves one target, from pairwise win rates.

    Losses of different tasks have no common scale, but "better on this example" has. The win rates
    are clipped to [0.001, 0.999], and the affinities are the principal eigenvector of the ratios

        R[i, j] = wins[i, j] / wins[j, i]

    scaled to sum 1. Where win rates follow a Bradley-Terry model, p_i / (p_i + p_j), the affinities
    are its p exactly. Ties may count as half a win for both or for neither: the ratio is what
    matters, and two transfers that always tie get the same affinity.

    Args:
        wins: `(S, S)` numbers in [0, 1]: the share of examples on which transfer i beats transfer
            j. The diagonal is ignored. NaN where two were not compared, in either direction; every
            transfer must be linked to all others by some chain of comparisons.

    Returns:
        `(S,)` float64 array, positive, of sum 1. Larger is better.

    Raises:
        ValueError: If `wins` is not square, out of range, or its comparisons fall into parts.

    Example:

    >>> affinity_from_wins([[0.5, 0.8], [0.2, 0.5]]).round(3).tolist()
    [0.8, 0.2]

    See also:
        `win_rates`, its input; `task_tree` and `select_sources`.

    References:
        Saaty, 1987, The analytic hierarchy process, what it is and how it is used.
        Harker, 1987, Incomplete pairwise comparisons in the analytic hierarchy process.
        Zamir et al., 2018, Taskonomy: disentangling task transfer learning,
        https://arxiv.org/abs/1804.08328
    """
    rates = _read(wins)
    known = np.isfinite(rates) & np.isfinite(rates.T)
    _check_connected(known)
    clipped = np.clip(rates, _LEAST, _MOST)
    ratios = np.where(known, clipped / clipped.T, 0)
    # Harker: a missing comparison is 0, and the diagonal makes up for it
    np.fill_diagonal(ratios, 1 + (~known).sum(axis=1))
    values, vectors = np.linalg.eig(ratios)
    principal = np.abs(vectors[:, values.real.argmax()])
    return principal / principal.sum()


def _read(wins: Any) -> np.ndarray:
    rates = to_numpy(wins, "wins")
    if rates.ndim != 2 or rates.shape[0] != rates.shape[1] or not rates.size:
        raise ValueError(
            "`wins` should be a square matrix (S, S): entry [i, j] the share of examples on which "
            f"transfer i beats transfer j. Received: shape {rates.shape}."
        )
    if rates.dtype.kind not in "biuf":
        raise ValueError(f"`wins` should hold real numbers. Received: dtype {rates.dtype}.")
    rates = rates.astype(np.float64)
    np.fill_diagonal(rates, 0.5)
    outside = (rates < 0) | (rates > 1)
    if outside.any():
        i, j = np.argwhere(outside)[0].tolist()
        raise ValueError(
            "`wins` should hold shares in [0, 1], or NaN for pairs that were not compared. "
            f"Received: wins[{i}, {j}]={rates[i, j]:g}. Divide counts by the number of examples."
        )
    return rates


def _check_connected(known: np.ndarray) -> None:
    """Refuses comparisons that say nothing of how some transfers compare with others."""
    reached = known[0]
    for _ in known:
        reached = reached | known[reached].any(axis=0)
    if not reached.all():
        raise ValueError(
            "`wins` should link all transfers by comparisons. Received: no comparison of any of "
            f"{np.flatnonzero(reached).tolist()} with any of "
            f"{np.flatnonzero(~reached).tolist()}. Compare at least one pair across."
        )
