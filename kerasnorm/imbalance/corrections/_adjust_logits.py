from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm._validation import as_number
from kerasnorm.data import to_numpy
from kerasnorm.imbalance.corrections._shares import log_shares
from kerasnorm.models import copy_model, head_and_after


def adjust_logits(model: Any, counts: Any, tau: float = 1.0) -> Any:
    """Corrects logits for the class frequencies of training: z − τ log π.

    Use it for a model trained with plain cross-entropy, where classes are equally frequent or
    equally important at test time. It needs no training, and is the first thing to try. Do not
    use it after a loss, weights or sampling that already balance the classes.

    Args:
        model: keras.Model that ends in a layer with a bias, such as Dense or Conv2D, optionally
            followed by a softmax and layers that resize label maps; or logits (N, ..., K), an
            array-like or a tensor.
        counts: ClassCounts, or examples of each class in training, (K,); none may be 0.
        tau: τ ≥ 0; use 1 for calibrated models, or choose it on validation data.
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
    adjusted = copy_model(model)
    head, *after = head_and_after(adjusted)
    bias = getattr(head, "bias", None)
    activations = {getattr(layer, "activation", None) for layer in (head, *after)}
    fits = {None, keras.activations.linear, keras.activations.softmax}
    if bias is None or not activations <= fits:
        raise ValueError(
            "A model to adjust should end in a layer with a bias and no activation but softmax. "
            f"Received: model '{model.name}', which ends in {type(head).__name__} '{head.name}'. "
            "Adjust its logits instead: `adjust_logits(model.predict(x), counts)`."
        )
    shift = tau * log_shares(counts, int(np.prod(bias.shape)))
    bias.assign(ops.convert_to_numpy(bias) - shift.reshape(bias.shape))
    return adjusted
