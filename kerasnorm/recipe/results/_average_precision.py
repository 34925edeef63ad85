"""How well scores rank the examples with a label before those without."""

import numpy as np


def average_precision(
    labels: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """Returns Σ (Rₙ − Rₙ₋₁) Pₙ over the distinct scores, the largest first; NaN without a label.

    It is scikit-learn's `average_precision_score`.

    Args:
        labels: bool (N,).
        scores: (N,).
        weights: Of the examples, (N,); None: 1 each.

    >>> round(average_precision(np.array([0, 1, 0, 1]) > 0, np.array([0.1, 0.9, 0.8, 0.7])), 3)
    0.833
    """
    weights = np.ones(len(labels)) if weights is None else weights.astype(float)
    order = np.argsort(-scores, kind="stable")
    scores, labels, weights = scores[order], labels[order], weights[order]
    last = np.append(scores[1:] != scores[:-1], True)  # of those with equal scores
    hits, above = np.cumsum(labels * weights)[last], np.cumsum(weights)[last]
    if not hits[-1]:
        return float("nan")
    precision = hits / np.where(above > 0, above, 1)
    return float(np.diff(hits, prepend=0) @ precision / hits[-1])
