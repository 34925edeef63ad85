"""Computes the formulas that losses share, exact at any logit.

Everything is a function of log-odds, or of logits minus the largest one: float32 resolves these
where logits of 1e4 have lost their digits, and nothing is clipped.
"""

import numpy as np
from keras import ops

from kerasnorm._types import Tensor


def pick(values: Tensor, numbers: Tensor) -> Tensor:
    """Returns the value of each position's class: (N, ..., K) and (N, ...) to (N, ...)."""
    picked = ops.take_along_axis(values, ops.expand_dims(numbers, axis=-1), axis=-1)
    return ops.squeeze(picked, axis=-1)


def is_label(numbers: Tensor, num_classes: int, dtype: str) -> Tensor:
    """Returns 1 at each position's class and 0 at the others, (N, ..., K)."""
    return ops.one_hot(numbers, num_classes, dtype=dtype)


def crossentropy(logits: Tensor, numbers: Tensor) -> Tensor:
    """Returns −log softmax(logits) of each position's class; logits may be −∞."""
    return -pick(ops.log_softmax(logits, axis=-1), numbers)


def shifted(logits: Tensor) -> Tensor:
    """Returns the logits minus the largest of each position; call it before adding anything."""
    return logits - ops.stop_gradient(ops.max(logits, axis=-1, keepdims=True))


def log_odds(logits: Tensor, numbers: Tensor) -> Tensor:
    """Returns log(p / (1 − p)) for p = softmax(logits) of each position's class."""
    logits = shifted(logits)
    own = is_label(numbers, logits.shape[-1], "bool")
    others = ops.logsumexp(ops.where(own, -np.inf, logits), axis=-1)
    return pick(logits, numbers) - others


def focal(odds: Tensor, gamma: float) -> Tensor:
    """Returns −(1 − p)^γ log p for p = sigmoid(odds)."""
    crossentropy = ops.softplus(-odds)
    if gamma == 0:
        return crossentropy
    return ops.exp(-gamma * ops.softplus(odds)) * crossentropy
