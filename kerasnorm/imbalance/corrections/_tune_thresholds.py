from collections.abc import Callable
from typing import Any

import numpy as np

from kerasnorm.data import to_numpy

_MOST = 1000


def tune_thresholds(
    probabilities: Any, y: Any, metric: Callable[[np.ndarray, np.ndarray], float]
) -> float | np.ndarray:
    """Returns the decision thresholds that maximize a metric.

    Use it for two classes or several labels: ½ is the best threshold for accuracy, but not for F1
    of a rare label. Pass validation data, neither training nor test data.

    Args:
        probabilities: (N,), or (N, K) with one column per label; or scores of any range.
        y: 0 and 1, of the same shape.
        metric: Function `metric(y_true, y_pred)` of arrays (N,) of 0 and 1, such as scikit-learn's
            `f1_score`; larger is better. Each column is tuned separately.

    Returns:
        A float for (N,), an array (K,) for (N, K): predict 1 where `probabilities >= threshold`. A
        threshold lies midway between two scores; among equally good ones the nearest to ½ is
        chosen. At most 1,000 thresholds, evenly spread over the scores, are tried.

    Raises:
        ValueError: If the shapes differ, labels are not 0 or 1, or scores or results are NaN.

    Example:

    >>> from sklearn.metrics import f1_score
    >>> round(tune_thresholds([0.1, 0.2, 0.4, 0.3], [0, 0, 1, 1], f1_score), 3)
    0.25

    See also:
        `adjust_logits`, for several classes under a softmax.
    """
    scores, labels = to_numpy(probabilities), to_numpy(y)
    fits = scores.ndim in (1, 2) and scores.shape == labels.shape and scores.size
    binary = fits and ((labels == 0) | (labels == 1)).all()
    if not binary or scores.dtype.kind not in "iuf" or np.isnan(scores).any():
        raise ValueError(
            "`probabilities` should be numbers of shape (N,) or (N, K), and `y` 0 and 1 of the "
            "same shape. (For one class of several, take the largest of corrected probabilities.) "
            f"Received: shapes {scores.shape} and {labels.shape}, dtypes {scores.dtype} and "
            f"{labels.dtype}."
        )
    # in the scores' own precision, in which `probabilities >= threshold` will compare
    scores = scores if scores.dtype.kind == "f" else scores.astype(np.float64)
    labels = labels.astype(np.int64)
    if scores.ndim == 1:
        return _tune(scores, labels, metric)
    return np.array([_tune(*column, metric) for column in zip(scores.T, labels.T, strict=True)])


def _tune(scores: np.ndarray, labels: np.ndarray, metric: Callable) -> float:
    thresholds = _candidates(scores)
    values = [float(metric(labels, (scores >= t).astype(np.int64))) for t in thresholds]
    if np.isnan(values).any():
        raise ValueError("`metric` should be a number at every threshold. Received: NaN.")
    best = thresholds[np.equal(values, np.max(values))]
    return float(best[np.abs(best - 0.5).argmin()])


def _candidates(scores: np.ndarray) -> np.ndarray:
    """Returns thresholds that separate the scores in every way: all 1, in between, all 0."""
    distinct = np.unique(scores)
    low, high = distinct[:-1], distinct[1:]
    middle = low + (high - low) / 2
    between = np.where(middle > low, middle, high)
    if len(between) > _MOST:
        between = between[np.linspace(0, len(between) - 1, _MOST).round().astype(int)]
    return np.concatenate([distinct[:1], between, [np.nextafter(distinct[-1], np.inf)]])
