"""Weights of the classes from their counts."""

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
    """Weighs each class, the rarer the more.

    Use "balanced" to begin with, "sqrt" or "effective_number" where that overrates the rarest
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
        scheme: A name of the table.
        beta: β of "effective_number", in [0, 1); nothing else uses it.
        normalize: "mean": the weights sum to the number of classes, absent ones included.
            "expected": the weights of all examples, Σ n w, sum to N, so that the loss keeps its
            scale. None: the figures of the table.
        missing: What to do about a class with no example: "error", or "zero" to weigh it 0. The
            `ignore_class` of a `ClassCounts` is weighed 0 in either case.

    Returns:
        A dict from class to weight, for `fit(class_weight=...)` and more: see `ClassWeights`.

    Raises:
        ValueError: If an argument is not as above, or a class has no example.

    Example:

    >>> class_weights([90, 10], normalize="expected")
    {0: 0.5555555555555556, 1: 5.0}
    >>> class_weights([4, 1, 0], "sqrt", normalize=None, missing="zero")
    {0: 0.5, 1: 1.0, 2: 0.0}

    References:
        King and Zeng, 2001 (balanced), https://doi.org/10.1093/oxfordjournals.pan.a004868
        Cui et al., 2019 (effective number), https://arxiv.org/abs/1901.05555
        Eigen and Fergus, 2015 (median frequency), https://arxiv.org/abs/1411.4734
        Paszke et al., 2016, ENet (log), https://arxiv.org/abs/1606.02147
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
            f"There is no example of class {', '.join(map(str, absent))}, so no weight follows "
            'from the counts. Pass `missing="zero"` to weigh such classes 0.'
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
    """How much of the images with a class is of that class; plain counts as they are."""
    if not isinstance(counts, ClassCounts) or counts.image_pixels is None:
        return n
    return n / np.maximum(counts.image_pixels, 1)


def _log(beta: float) -> float:
    return math.log(beta) if beta else -math.inf
