from typing import Any

import keras
import numpy as np

from kerasnorm.data import to_numpy
from kerasnorm.imbalance.corrections._scaled_head import copy_with_head, move_bias
from kerasnorm.models import classes_of

_EDGE = 1e-6  # of a threshold that gives a label to all, or to none
_NUDGE = 1e-5  # of the logit, so that a score at its threshold is above 0


def with_thresholds(model: keras.Model, thresholds: Any) -> keras.Model:
    """Returns a copy that gives a label from its threshold on where the probability is above ½.

    So the thresholds that `tune_thresholds` chose travel with the model: −log(t / (1 − t)) is added
    to the bias of each label. The order of the examples stays; the probabilities are no longer
    those of the labels.

    Args:
        model: keras.Model that ends in a layer with a bias, such as Dense, one output for two
            classes or for each of several labels, and perhaps a sigmoid.
        thresholds: Probabilities, a number, or one for each output, (K,).

    Returns:
        A new model of another bias, not compiled; the one given stays as it is.

    Raises:
        ValueError: For thresholds that are none, or a model that does not end so.

    Example:

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "sigmoid")])
    >>> moved = with_thresholds(model, 0.2)
    >>> round(float(moved.get_weights()[1][0]), 3)
    1.386

    See also:
        `tune_thresholds`, which chooses them.
    """
    values = to_numpy(thresholds, "thresholds")
    fits = values.shape in ((), (1,), (classes_of(model),)) and values.dtype.kind in "if"
    if not fits or np.isnan(values).any():
        raise ValueError(
            f"`thresholds` should be a probability, or one for each of {classes_of(model)} outputs."
            f" Received: {thresholds!r}."
        )
    copied, head = copy_with_head(model, "with_thresholds")
    inside = np.clip(values.astype(np.float64), _EDGE, 1 - _EDGE)
    move_bias(head, np.log1p(-inside) - np.log(inside) + _NUDGE)
    return copied
