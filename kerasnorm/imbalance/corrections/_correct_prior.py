from typing import Any

import numpy as np
from keras import ops

from kerasnorm.data import to_numpy
from kerasnorm.imbalance.corrections._shares import as_shares

_TOLERANCE = 1e-7


def correct_prior(probabilities: Any, source: Any, target: Any = "estimate") -> Any:
    """Returns the posteriors where the classes are otherwise frequent than in training.

    By Bayes' rule p · π_target / π_source, normalised. For calibrated probabilities and data in
    which only the shares of the classes differ. If the target's shares are not known they are
    estimated from its probabilities: they are the mean posterior, found by iteration (EM), which
    needs some hundred examples.

    Args:
        probabilities: (N, ..., K) of the target's examples, rows that sum to 1.
        source: the classes in training: ClassCounts, counts or shares, (K,).
        target: the same for the target; or "estimate".

    Returns:
        Posteriors of the same shape: float64 NumPy for what is no tensor, else a tensor of the same
        dtype (values are needed, so not in compiled code). Their mean is the estimated shares.

    Raises:
        ValueError: for probabilities that are none; shares that do not fit; a class that has a
            share in the target and none in the source; a row of which nothing is left.

    Example:

    >>> correct_prior([[0.9, 0.1]], source=[90, 10], target=[1, 1])
    array([[0.5, 0.5]])

    Reference:
        Saerens et al., 2002, https://doi.org/10.1162/089976602753284446
    """
    p = _check(to_numpy(probabilities))
    trained = as_shares("source", source, p.shape[-1])
    known = trained > 0
    ratios = p / np.where(known, trained, 1) * known
    if isinstance(target, str) and target == "estimate":
        shares = _estimate(ratios.reshape(-1, p.shape[-1]), trained)
    else:
        shares = as_shares("target", target, p.shape[-1])
        if (shares[~known] > 0).any():
            raise ValueError(
                f"Class {np.flatnonzero((shares > 0) & ~known)[0]} has a share in the target and "
                "none in the source, of which nothing was learnt. Leave it out of the target."
            )
    posteriors = _normalised(ratios * shares)
    if ops.is_tensor(probabilities):
        return ops.convert_to_tensor(posteriors, dtype=probabilities.dtype)
    return posteriors


def _estimate(ratios: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Iterates to the shares of the largest likelihood, which is concave: the steps shrink."""
    while True:
        following = _normalised(ratios * shares).mean(axis=0)
        if np.abs(following - shares).max() < _TOLERANCE:
            return following
        shares = following


def _normalised(rows: np.ndarray) -> np.ndarray:
    totals = rows.sum(axis=-1, keepdims=True)
    if not totals.all():
        raise ValueError(
            "There is an example whose classes all have no share: its probability is on classes "
            "that `source` or `target` say do not occur."
        )
    return rows / totals


def _check(p: np.ndarray) -> np.ndarray:
    rows = p.ndim > 1 and p.size and p.dtype.kind == "f"
    p = p.astype(np.float64) if rows else p
    if rows and (p >= 0).all() and np.allclose(p.sum(axis=-1), 1, atol=1e-2):
        return p
    raise ValueError(
        "`probabilities` should be rows (N, ..., K) that sum to 1; take the softmax of logits "
        f"first. Received: shape {p.shape}, dtype {p.dtype}."
    )
