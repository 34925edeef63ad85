from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm._validation import as_number
from kerasnorm.data import to_numpy
from kerasnorm.imbalance.corrections._scaled_head import copy_with_head, move_bias
from kerasnorm.imbalance.corrections._shares import log_shares
from kerasnorm.imbalance.counting import ClassCounts
from kerasnorm.models import ends_in


def adjust_logits(model: Any, counts: Any, tau: float = 1.0) -> Any:
    """Corrects logits for the class frequencies of training: z − τ log π.

    Use it for a model trained with plain cross-entropy, where classes are equally frequent or
    equally important at test time. It needs no training, and is the first thing to try. Do not
    use it after a loss, weights or sampling that already balance the classes.

    Args:
        model: keras.Model that ends in a layer with a bias, such as Dense or Conv2D, and perhaps a
            softmax or sigmoid and what resizes label maps; or logits (N, ..., K), an array-like or
            a tensor.
        counts: ClassCounts, or examples of each class in training, (K,); none may be 0. Of one
            output for two classes, (2,); of several labels, rows (K, 2) with the examples without
            and with each.
        tau: τ ≥ 0; 1 is right for calibrated models, others are chosen on validation data.
            Defaults to 1.0.

    Returns:
        A new, uncompiled model with another bias; the given one is unchanged. Or logits: a tensor
        of the same dtype for a tensor, else a NumPy array.

    Raises:
        ValueError: If the counts do not match the classes, or the model ends in another layer.

    Example:

    >>> adjust_logits([[2.0, 1.0]], counts=[90, 10])
    array([[2.1053..., 3.3025...]])

    See also:
        `kerasnorm.imbalance.losses.LogitAdjusted`, the same in training; `correct_prior`.

    Reference:
        Menon et al., 2021, Long-tail learning via logit adjustment,
        https://arxiv.org/abs/2007.07314
    """
    tau = as_number("tau", tau, 0)
    if isinstance(model, keras.Model):
        return _adjust_model(model, counts, tau)
    if ops.is_tensor(model):
        shift = tau * log_shares(counts, model.shape[-1])
        return model - ops.convert_to_tensor(shift, dtype=model.dtype)
    logits = to_numpy(model)
    return logits - tau * log_shares(counts, logits.shape[-1] if logits.ndim else None)


def _adjust_model(model: keras.Model, counts: Any, tau: float) -> keras.Model:
    adjusted, head = copy_with_head(model, "adjust_logits")
    units = int(np.prod(head.bias.shape))
    move_bias(head, -tau * _log_priors(model, counts, units))
    return adjusted


def _log_priors(model: keras.Model, counts: Any, units: int) -> np.ndarray:
    """Returns log π of each class, or where an output tells a label by itself its log odds."""
    rows = None if isinstance(counts, ClassCounts) else np.asarray(counts)
    if rows is not None and rows.ndim == 2 and rows.shape == (units, 2):
        return np.array([np.diff(log_shares(row))[0] for row in rows])
    if units == 1:
        return np.diff(log_shares(counts, 2))
    if ends_in(model, "sigmoid"):
        raise ValueError(
            "`counts` of several labels should be rows (K, 2): the examples without and with each. "
            f"Received: counts={counts!r}."
        )
    return log_shares(counts, units)
