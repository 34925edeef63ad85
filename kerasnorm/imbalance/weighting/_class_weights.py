"""Computes class weights from counts."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from kerasnorm._validation import as_number, check_choice
from kerasnorm.imbalance.counting import ClassCounts, as_counts
from kerasnorm.imbalance.weighting._class_weight_dict import ClassWeights

# (counts n, frequencies f, beta) -> weights, in float64, of the classes that have examples
_SCHEMES: dict[str, Callable[[np.ndarray, np.ndarray, float], np.ndarray]] = {
    "balanced": lambda n, f, beta: n.sum() / (len(n) * n),
    "inverse": lambda n, f, beta: 1 / n,
    "sqrt": lambda n, f, beta: 1 / np.sqrt(n),
    "effective_number": lambda n, f, beta: (1 - beta) / -np.expm1(n * _log(beta)),
    "median_frequency": lambda n, f, beta: np.median(f) / f,
    "log": lambda n, f, beta: 1 / np.log(1.02 + n / n.sum()),
}


def class_weights(
    counts: Any,
    scheme: str = "balanced",
    beta: float = 0.9999,
    normalize: str | None = "mean",
    missing: str = "error",
) -> ClassWeights:
    """Computes class weights that are larger for rarer classes.

    Start with "balanced"; use "sqrt" or "effective_number" if that overemphasizes the rarest
    classes, and "median_frequency" or "log" (bounded) for the pixels of label maps. With n
    examples of the class, N of all, K classes that have examples:

    | scheme | weight |
    |---|---|
    | "balanced" | N / (K n) |
    | "inverse" | 1 / n |
    | "sqrt" | 1 / √n |
    | "effective_number" | (1 − β) / (1 − βⁿ) |
    | "median_frequency" | median(f) / f, where f = n / (pixels of the images with the class) for a `ClassCounts` of label maps, and f = n otherwise |
    | "log" | 1 / ln(1.02 + n / N) |

    Args:
        counts: A `ClassCounts`, or the number of examples of each class, (K,): in order, or by key
            as a dict, a Counter or a pandas Series, such as `value_counts()`.
        scheme: A name of the table. Defaults to "balanced".
        beta: β of "effective_number", in [0, 1); ignored by other schemes. Defaults to 0.9999.
        normalize: "mean": the weights sum to the number of classes, absent ones included.
            "expected": the weights of all examples, Σ n w, sum to N, so that the loss keeps its
            scale. None: the values of the table.
        missing: Treatment of a class without examples: "error", or "zero" for weight 0. The
            `ignore_class` of a `ClassCounts` has weight 0 in either case. Defaults to "error".

    Returns:
        A dict from class to weight, for `fit(class_weight=...)`; see `ClassWeights` for its methods.

    Raises:
        ValueError: If an argument is not as above, or a class has no example.

    Example:

    >>> class_weights([90, 10], normalize="expected")
    {0: 0.5555555555555556, 1: 5.0}
    >>> class_weights([4, 1, 0], "sqrt", normalize=None, missing="zero")
    {0: 0.5, 1: 1.0, 2: 0.0}

    See also:
        `count_classes`; `ClassWeights`, for labels that `fit(class_weight=)` cannot handle;
        `resample`.

    References:
        King and Zeng, 2001, Logistic regression in rare events data (balanced),
        https://doi.org/10.1093/oxfordjournals.pan.a004868
        Cui et al., 2019, Class-balanced loss based on effective number of samples,
        https://arxiv.org/abs/1901.05555
        Eigen and Fergus, 2015, Predicting depth, surface normals and semantic labels with a common
        multi-scale convolutional architecture (median frequency), https://arxiv.org/abs/1411.4734
        Paszke et al., 2016, ENet: a deep neural network architecture for real-time semantic
        segmentation (log), https://arxiv.org/abs/1606.02147
    """  # noqa: E501
    check_choice("scheme", scheme, _SCHEMES)
    check_choice("normalize", normalize, ("mean", "expected", None))
    check_choice("missing", missing, ("error", "zero"))
    beta = as_number("beta", beta, 0, 1)
    n = as_counts(counts)
    ignore_class = counts.ignore_class if isinstance(counts, ClassCounts) else None
    present = n > 0
    absent = [c for c in np.flatnonzero(~present).tolist() if c != ignore_class]
    if absent and missing == "error":
        raise ValueError(
            f"There is no example of class {', '.join(map(str, absent))}, so it has no weight. "
            'Pass `missing="zero"` to give such classes weight 0.'
        )
    weights = np.zeros(len(n))
    weights[present] = _SCHEMES[scheme](n[present], _frequencies(counts, n)[present], beta)
    if normalize == "mean":
        weights *= len(n) / weights.sum()
    elif normalize == "expected":
        weights *= n.sum() / (n @ weights)
    positions = getattr(counts, "image_pixels", None) is not None
    return ClassWeights(dict(enumerate(weights.tolist())), ignore_class, positions)


def _frequencies(counts: Any, n: np.ndarray) -> np.ndarray:
    """Returns the share of each class in the images that contain it; plain counts unchanged."""
    if not isinstance(counts, ClassCounts) or counts.image_pixels is None:
        return n
    return n / np.maximum(counts.image_pixels, 1)


def _log(beta: float) -> float:
    return math.log(beta) if beta else -math.inf
