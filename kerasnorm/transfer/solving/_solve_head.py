"""Solves the head that fits frozen features best, instead of training it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasnorm._validation import as_number
from kerasnorm.data import (
    check_count,
    check_zero_one,
    read_classes,
    read_labels,
    read_weights,
    to_numpy,
)
from kerasnorm.transfer._matrices import read_features
from kerasnorm.transfer.solving._coordinates import Coordinates
from kerasnorm.transfer.solving._logistic import Examples, solve
from kerasnorm.transfer.solving._penalties import best_of, score_penalties


@dataclass(frozen=True)
class Head:
    """Weights of a Dense layer, and how its penalty was chosen.

    Attributes:
        kernel: float32 (D, K).
        bias: float32 (K,). `features @ kernel + bias` are logits.
        penalty: On the squares of the kernel for standardized features.
        scores: Balanced accuracy of each penalty that was tried, in cross-validation; empty if it
            was given.

    Example:

    >>> import keras
    >>> features = np.random.default_rng(0).normal(size=(50, 8))
    >>> head = solve_head(features, features[:, 0] > 0, penalty=1.0)
    >>> layer = keras.layers.Dense(2, "softmax")
    >>> layer.build(features.shape)
    >>> layer.set_weights([head.kernel, head.bias])

    See also:
        `solve_head`, which returns it.
    """

    kernel: np.ndarray
    bias: np.ndarray
    penalty: float
    scores: dict[float, float]


def solve_head(
    features: Any,
    y: Any,
    *,
    weights: Any = "balanced",
    sample_weight: Any = None,
    penalty: float | None = None,
) -> Head:
    """Solves the linear head that fits frozen features best: the optimum of a logistic regression.

    It is what training a Dense layer approaches, in seconds and without a learning rate. Features
    are standardized internally, and the scaling is folded into the kernel, so the head takes raw
    features. An absent class keeps its column.

    Args:
        features: Array-like (N, D) of numbers, such as a frozen base's outputs.
        y: Class of each example: ints (N,) or (N, 1), or rows (N, K) that are one-hot or sum to 1;
            rows of 0 and 1 that are no one-hot rows are several labels, each with a sigmoid of its
            own.
        weights: "balanced" takes the shares of the classes out of the bias, so that the head
            decides as if all were as frequent (Menon et al., 2021); None leaves them in; or the
            weights of the examples, (N,), positive, which leave them in too.
        sample_weight: Weights of the examples, (N,), not negative, by which `weights` are
            multiplied: with "balanced" the weighed shares of the classes are taken out.
            Defaults to None.
        penalty: A float > 0, times half the sum of the kernel's squares, added to the sum of the
            cross-entropies: scikit-learn's 1 / C. None: what gives the best balanced accuracy in
            a stratified cross-validation, of those within half a standard error the one of the
            lowest loss.

    Returns:
        `Head(kernel, bias, penalty, scores)`: `features @ kernel + bias` are logits. For ints there
        are as many classes as the largest says, at least two.

    Raises:
        ValueError: If the shapes do not fit one another, or values are not finite or out of range.

    Example:

    >>> features = np.random.default_rng(0).normal(size=(200, 8))
    >>> head = solve_head(features, features[:, 0] > 1)
    >>> logits = features @ head.kernel + head.bias
    >>> bool((logits.argmax(axis=1) == (features[:, 0] > 1)).mean() > 0.9)
    True

    See also:
        `fine_tune`, whose base trains too; `probe_layers`, which finds the layer for the features.

    References:
        Kornblith et al., 2019, Do better ImageNet models transfer better?,
        https://arxiv.org/abs/1805.08974 (logistic regression by L-BFGS on frozen features)
        Menon et al., 2021, Long-tail learning via logit adjustment,
        https://arxiv.org/abs/2007.07314
    """
    if penalty is not None:
        penalty = as_number("penalty", penalty, 0, interval="()")
    features = read_features(features)
    targets, softmax = _as_targets(y, len(features))
    found = _as_weights(weights, len(features))
    balanced = found is None
    if sample_weight is not None:
        of_examples = read_weights(sample_weight, len(features), "sample_weight")
        used = of_examples > 0
        found = (of_examples if found is None else of_examples * found)[used]
        features, targets = features[used], targets[used]
    return solve_targets(features, targets, softmax, found, penalty, balanced)


def solve_targets(
    features: np.ndarray,
    targets: np.ndarray,
    softmax: bool,
    weights: np.ndarray | None,
    penalty: float | None = None,
    balanced: bool = False,
) -> Head:
    """Returns the head of `solve_head` for targets as `Examples` has them.

    Args:
        features: (N, D).
        targets, softmax: As in `Examples`.
        weights: Of the examples, (N,), or under sigmoids of their labels, (N, K), not negative;
            None: 1 each.
        penalty: As in `solve_head`.
        balanced: Whether the prior is taken out of the bias. Defaults to False.
    """
    coordinates = Coordinates.of(features)
    weights = np.ones(len(features), "float32") if weights is None else weights
    examples = Examples(coordinates.values, targets, weights, softmax)
    scores = {}
    if penalty is None:
        found = score_penalties(examples)
        penalty = best_of(found, len(features))
        scores = {each: score.accuracy for each, score in found.items()}
    head = solve(examples, penalty)
    kernel, bias = coordinates.to_raw(head[:-1], head[-1])
    if balanced:
        bias = bias - examples.log_prior
    return Head(kernel.astype("float32"), bias.astype("float32"), penalty, scores)


def _as_targets(y: Any, count: int) -> tuple[np.ndarray, bool]:
    """Returns a row of targets for each example, and whether its classes exclude one another."""
    labels = read_labels(y, "y")
    check_count(len(labels), count, "y")
    if labels.ndim != 2 or labels.shape[1] == 1:
        classes = read_classes(labels, "y")
        return np.eye(max(classes.max() + 1, 2), dtype="float32")[classes], True
    softmax = bool((labels >= 0).all() and np.allclose(labels.sum(axis=1), 1, atol=1e-4))
    if not softmax:
        check_zero_one(labels)
    return labels.astype("float32"), softmax


def _as_weights(weights: Any, count: int) -> np.ndarray | None:
    if isinstance(weights, str) and weights == "balanced":
        return None
    if weights is None:
        return np.ones(count, "float32")
    array = None if isinstance(weights, str) else to_numpy(weights, "weights")
    if array is None or array.shape != (count,) or array.dtype.kind not in "iuf":
        raise ValueError(
            f"`weights` should be 'balanced', None, or a weight for each of the {count} examples. "
            f"Received: {weights if array is None else array.shape!r}."
        )
    if not (np.isfinite(array) & (array > 0)).all():
        raise ValueError(f"`weights` should be positive. Received: {array.min()}.")
    return array.astype("float32")
