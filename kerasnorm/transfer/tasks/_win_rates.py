"""Computes how often one transfer does better than another."""

from typing import Any

import numpy as np

from kerasnorm.data import to_numpy


def win_rates(losses: Any) -> np.ndarray:
    """Computes the share of examples on which each transfer beats each other one.

    A tie counts half. A loss that is not a number, of a head that diverged, is beaten by all
    others.

    Args:
        losses: `(S, N)` numbers, the loss of each of S transfers on each of N held-out examples of
            one target.

    Returns:
        `(S, S)` float64 array in [0, 1]: entry [i, j] is the share of examples on which transfer i
        beats transfer j. `affinity_from_wins` takes it.

    Raises:
        ValueError: If there are no losses or they are of another rank.

    Example:

    >>> win_rates([[1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 1.0, 0.0]]).tolist()
    [[0.5, 0.625], [0.375, 0.5]]

    See also:
        `affinity_from_wins`, which takes them.

    Reference:
        Zamir et al., 2018, Taskonomy: disentangling task transfer learning,
        https://arxiv.org/abs/1804.08328
    """
    values = to_numpy(losses, "losses")
    if values.ndim != 2 or not values.size or values.dtype.kind not in "biuf":
        raise ValueError(
            "`losses` should be numbers (S, N): one row per transfer, one column per example. "
            f"Received: shape {values.shape}, dtype {values.dtype}."
        )
    values = np.where(np.isnan(values), np.inf, values)
    return np.stack([((row < values) + 0.5 * (row == values)).mean(axis=1) for row in values])
