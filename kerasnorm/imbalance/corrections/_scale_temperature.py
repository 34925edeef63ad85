from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kerasnorm.data import check_count, read_classes, read_weights, to_numpy
from kerasnorm.imbalance.corrections._scaled_head import copy_with_head
from kerasnorm.models import ends_in, gives_logits

_WIDEST = 4.0  # of log T
_STEPS = 60
_TINY = 1e-12


def scale_temperature(
    model: keras.Model, outputs: Any, y: Any, sample_weight: Any = None
) -> keras.Model:
    """Returns a copy whose logits are divided by one temperature, so that it is rightly sure.

    Networks are often surer than they are right. T is what makes the cross-entropy on held-out
    examples least. No decision changes: the largest logit stays the largest, and 0 stays 0.

    Args:
        model: keras.Model that ends in a layer with a bias, such as Dense, and perhaps a softmax or
            a sigmoid.
        outputs: Outputs of it for held-out examples, neither the training's nor the test's: (N, K).
        y: Their classes, ints (N,); or 0 and 1, (N,) of one output and rows (N, K) of several
            labels.
        sample_weight: Weights of the examples, (N,); None: 1 each.

    Returns:
        A new model whose last kernel and bias are divided by T, between 1/55 and 55; not compiled.
        The one given stays as it is.

    Raises:
        ValueError: For arrays that do not fit, or a model that does not end so.

    Example:

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    >>> model.set_weights([10 * np.eye(2), np.zeros(2)])
    >>> x = np.array([[1, 0], [1, 0], [1, 0], [0, 1]])  # three of four are right, as sure as 1
    >>> scaled = scale_temperature(model, x @ (10 * np.eye(2)), [0, 0, 1, 1])
    >>> round(float(np.log(3) / scaled.get_weights()[0][0, 0]), 2)
    1.0

    See also:
        `adjust_logits`, which changes decisions in favour of rare classes.

    Reference:
        Guo et al., 2017, On calibration of modern neural networks, https://arxiv.org/abs/1706.04599
    """
    found = to_numpy(outputs, "outputs")
    if found.ndim != 2 or found.dtype.kind != "f" or not np.isfinite(found).all():
        raise ValueError(
            "`outputs` should be finite numbers (N, K), as `model.predict` returns them. "
            f"Received: shape {found.shape}, dtype {found.dtype}."
        )
    labels = to_numpy(y, "y")
    check_count(len(labels), len(found), "y")
    weights = np.ones(len(found))
    if sample_weight is not None:
        weights = read_weights(sample_weight, len(found), "sample_weight")
    several = labels.ndim == 2 and labels.shape[1] > 1
    binary = several or found.shape[1] == 1
    logits = _logits(found.astype(np.float64), gives_logits(model), binary or _sigmoids(model))
    loss = _of_labels if binary else _of_classes
    targets = labels.reshape(found.shape) if binary else read_classes(labels, "y")
    share = np.exp(_least(lambda log: weights @ loss(np.exp(log) * logits, targets)))
    copied, head = copy_with_head(model, "scale_temperature")
    for variable in (head.kernel, head.bias):
        variable.assign(keras.ops.convert_to_numpy(variable) * share)
    return copied


def _sigmoids(model: keras.Model) -> bool:
    return ends_in(model, "sigmoid")


def _logits(outputs: np.ndarray, logits: bool, sigmoids: bool) -> np.ndarray:
    if logits:
        return outputs
    inside = np.clip(outputs, _TINY, 1)
    return np.log(inside) - (np.log(np.clip(1 - outputs, _TINY, 1)) if sigmoids else 0)


def _of_classes(logits: np.ndarray, classes: np.ndarray) -> np.ndarray:
    own = logits[np.arange(len(classes)), classes]
    return np.logaddexp.reduce(logits, axis=1) - own


def _of_labels(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return (np.logaddexp(0, logits) - labels * logits).sum(axis=1)


def _least(function: Callable[[float], float]) -> float:
    """Returns where a function of one dip is least, by golden sections."""
    low, high, ratio = -_WIDEST, _WIDEST, (np.sqrt(5) - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = function(left), function(right)
    for _ in range(_STEPS):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = function(right)
    return (low + high) / 2
