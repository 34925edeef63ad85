"""Regularizes fine-tuning towards the initial weights."""

import re
from typing import Any

import keras
from keras import ops

from kerasnorm._types import Tensor
from kerasnorm._validation import as_number, as_pattern, listed


def l2_sp(
    model: keras.Model, alpha: float, where: str | re.Pattern[str] | None = None
) -> list[str]:
    """Pulls the trainable variables towards their current values w⁰, as weight decay does to 0.

    Adds α/2 · Σ(w − w⁰)² to the loss for each trainable variable. Use it instead of weight decay
    when few examples fine-tune many layers, and exclude a new head, whose initial values are
    random. Another call uses the values at that time and the new α; 0 removes the penalty.

    The initial values are not saved with the model. To resume from a file, load the pretrained
    weights, call `l2_sp`, then load the checkpoint.

    Args:
        model: Built keras.Model, compiled or not. Its next `fit` traces again.
        alpha: A float ≥ 0; 0.01 to 0.1 in the paper.
        where: Regex that is searched in the paths of variables, such as "^(?!head)". Defaults to
            None, for all.
            Defaults to None.

    Returns:
        List of the paths of the variables that are pulled.

    Raises:
        ValueError: If alpha is out of range, the regex is invalid, or nothing matches.

    Example:

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="head")])
    >>> len(l2_sp(model, 0.1))
    2
    >>> _ = model.layers[0].kernel.assign_add([[1.0], [0.0]])
    >>> round(keras.ops.convert_to_numpy(sum(model.losses)).item(), 3)
    0.05

    See also:
        `layer_decay` and `freeze`, other ways to stay near pretrained weights.

    References:
        Li, Grandvalet and Davoine, 2018, Explicit inductive bias for transfer learning with
        convolutional networks, https://arxiv.org/abs/1802.01483
    """
    alpha = as_number("alpha", alpha, 0)
    pattern = as_pattern("where", where or "")
    chosen = [v for v in model.trainable_variables if pattern.search(v.path)]
    if not chosen:
        paths = [variable.path for variable in model.trainable_variables]
        raise ValueError(
            f"`where` matches no trainable variable. Received: where={where!r}. "
            f"The model has {listed(paths[:20])}."
        )
    for variable in chosen:
        regularizer = variable.regularizer
        own = regularizer.own if isinstance(regularizer, _StartingPoint) else regularizer
        variable.regularizer = _StartingPoint(variable, alpha, own) if alpha else own
    if model.compiled:
        model.make_train_function(force=True)
    return [variable.path for variable in chosen]


class _StartingPoint(keras.regularizers.Regularizer):
    """Computes α/2 · Σ(w − w⁰)² plus the variable's own regularizer."""

    def __init__(self, variable: keras.Variable, alpha: float, own: Any) -> None:
        self.alpha, self.own = alpha, own
        # a variable, as graphs would hold a constant of its size
        value = ops.copy(ops.convert_to_tensor(variable))
        self.start = keras.Variable(value, trainable=False, dtype=variable.dtype)

    def __call__(self, x: Tensor) -> Tensor:
        pull = self.alpha / 2 * ops.sum(ops.square(x - self.start))
        return pull if self.own is None else pull + self.own(x)
