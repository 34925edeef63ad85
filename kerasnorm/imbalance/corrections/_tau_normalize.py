import keras
import numpy as np

from kerasnorm._validation import as_number
from kerasnorm.models import copy_model, ends_in, find_dense_head


def tau_normalize(model: keras.Model, tau: float) -> keras.Model:
    """Returns a copy whose last Dense layer has weights w / ‖w‖^τ for each class, and no bias.

    Rare classes end up with short weight vectors, and lose. It needs features with a classifier
    that was trained plainly to the end; choose τ on validation data.

    Args:
        model: keras.Model that ends in a Dense layer, and perhaps an activation.
        tau: τ ≥ 0: 0 leaves the weights, 1 gives all the length 1.

    Returns:
        A model that is not compiled; its bias is 0. The one given stays as it is.

    Raises:
        ValueError: for τ out of range, a model that does not end so or cannot be copied, or one
            that ends in a sigmoid or one unit, whose biases are thresholds.

    Example:

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    >>> model.set_weights([np.diag([4.0, 1.0]), np.ones(2)])
    >>> tau_normalize(model, 0.5).get_weights()[0].tolist()
    [[2.0, 0.0], [0.0, 1.0]]

    Reference:
        Kang et al., 2020, https://arxiv.org/abs/1910.09217
    """
    tau = as_number("tau", tau, 0)
    if find_dense_head(model).units == 1 or ends_in(model, "sigmoid"):
        raise ValueError(
            "`tau_normalize` is for classes of which an example has one, under a softmax: without "
            "the bias of a sigmoid its threshold is lost. Received: model "
            f"'{model.name}'. `tune_thresholds` chooses thresholds."
        )
    normalized = copy_model(model)
    head = find_dense_head(normalized)
    kernel = keras.ops.convert_to_numpy(head.kernel).astype(np.float64)
    lengths = np.linalg.norm(kernel, axis=0)
    head.kernel.assign(kernel / np.where(lengths > 0, lengths, 1) ** tau)
    if head.use_bias:
        head.bias.assign(np.zeros(head.units))
    return normalized
