from typing import Any

import numpy as np
from keras import ops

from kerasnorm.data import to_numpy
from kerasnorm.imbalance.corrections._shares import as_shares

_TOLERANCE = 1e-7


def correct_prior(probabilities: Any, source: Any, target: Any = "estimate") -> Any:
    """Corrects probabilities for data with other class frequencies than the training data.

    Uses Bayes' rule, p · π_target / π_source, normalized. The probabilities must be calibrated, and
    only the class frequencies may differ. Unknown frequencies of the target are estimated from its
    probabilities by expectation maximization (EM), which needs some hundred examples.

    Args:
        probabilities: Probabilities of the target's examples, (N, ..., K), rows that sum to 1.
        source: ClassCounts, counts or frequencies of the classes in training, (K,).
        target: The same for the target, or "estimate". Defaults to "estimate".

    Returns:
        Posteriors of the same shape: a tensor of the same dtype for a tensor (outside compiled
        code, since values are needed), else float64 NumPy. Their mean is the estimated frequencies.

    Raises:
        ValueError: If probabilities are invalid, frequencies do not match the classes, a class
            occurs in the target but not in the source, or a row has probability 0 on all classes.

    Example:

    >>> correct_prior([[0.9, 0.1]], source=[90, 10], target=[1, 1])
    array([[0.5, 0.5]])

    See also:
        `adjust_logits`, for equally frequent classes.

    Reference:
        Saerens et al., 2002, Adjusting the outputs of a classifier to new a priori probabilities,
        https://doi.org/10.1162/089976602753284446
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
                f"Class {np.flatnonzero((shares > 0) & ~known)[0]} occurs in the target but "
                "not in the source, so the model has not learned it. Set it to 0 in the target."
            )
    posteriors = _normalised(ratios * shares)
    if ops.is_tensor(probabilities):
        return ops.convert_to_tensor(posteriors, dtype=probabilities.dtype)
    return posteriors


def _estimate(ratios: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Iterates to the frequencies with the largest likelihood, which is concave."""
    while True:
        following = _normalised(ratios * shares).mean(axis=0)
        if np.abs(following - shares).max() < _TOLERANCE:
            return following
        shares = following


def _normalised(rows: np.ndarray) -> np.ndarray:
    totals = rows.sum(axis=-1, keepdims=True)
    if not totals.all():
        raise ValueError(
            "`probabilities` has an example whose probability is only on classes that do not occur "
            "according to `source` or `target`. Correct these, or leave the example out."
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
