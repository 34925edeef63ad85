import keras
import numpy as np

from kerasnorm._validation import as_number
from kerasnorm.models import copy_model, ends_in, find_dense_head


def tau_normalize(model: keras.Model, tau: float) -> keras.Model:
    """Returns a copy whose last Dense layer has weights w / ‖w‖^τ for each class, and no bias.

    Plain training gives rare classes short weight vectors, so that they are rarely predicted. Use
    it after plain training to convergence, and choose τ on validation data.

    Args:
        model: keras.Model that ends in a Dense layer, and perhaps an activation.
        tau: τ ≥ 0; 0 keeps the weights, 1 gives all of them length 1.

    Returns:
        An uncompiled model whose bias is 0. The given one is unchanged.

    Raises:
        ValueError: If τ is out of range, the model does not end in a Dense layer or cannot be
            copied, or it ends in a sigmoid or a single unit, whose biases are thresholds.

    Example:

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    >>> model.set_weights([np.diag([4.0, 1.0]), np.ones(2)])
    >>> tau_normalize(model, 0.5).get_weights()[0].tolist()
    [[2.0, 0.0], [0.0, 1.0]]

    See also:
        `adjust_logits`; `retrain_classifier`; `tune_thresholds`.

    Reference:
        Kang et al., 2020, Decoupling representation and classifier for long-tailed recognition,
        https://arxiv.org/abs/1910.09217
    """
    tau = as_number("tau", tau, 0)
    if find_dense_head(model).units == 1 or ends_in(model, "sigmoid"):
        raise ValueError(
            "`tau_normalize` expects a softmax over classes; it would remove the bias of a "
            "sigmoid, which is its threshold. Received: model "
            f"'{model.name}'. Use `tune_thresholds` instead."
        )
    normalized = copy_model(model)
    head = find_dense_head(normalized)
    kernel = keras.ops.convert_to_numpy(head.kernel).astype(np.float64)
    lengths = np.linalg.norm(kernel, axis=0)
    head.kernel.assign(kernel / np.where(lengths > 0, lengths, 1) ** tau)
    if head.use_bias:
        head.bias.assign(np.zeros(head.units))
    return normalized
