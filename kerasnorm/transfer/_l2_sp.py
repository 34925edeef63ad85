"""Fine-tuning that stays near where it starts."""

import re
from typing import Any

import keras
from keras import ops

from kerasnorm._types import Tensor
from kerasnorm._validation import as_number, as_pattern, listed


def l2_sp(
    model: keras.Model, alpha: float, where: str | re.Pattern[str] | None = None
) -> list[str]:
    """Pulls the trainable variables towards their present values w⁰ as weight decay does to 0.

    Adds α/2 · Σ(w − w⁰)² to the loss, for each variable that trains. Use it in place of weight
    decay when few examples fine-tune many layers, and leave out a new head, which has no start
    worth keeping. Called again, it starts from the values of then, with the new α; 0 ends it.

    The starting values are no part of the model's file. To go on from a file, load the pretrained
    weights, call `l2_sp`, then load those of the checkpoint.

    Args:
        model: built keras.Model; compiled or not. Its next `fit` traces anew.
        alpha: float ≥ 0; 0.01 to 0.1 in the paper.
        where: optional regex, searched in the paths of variables, such as "^(?!head)".

    Returns:
        List of the paths of the variables that are pulled.

    Raises:
        ValueError: for an alpha out of range, a regex that is none, and where nothing matches.

    Example:

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="head")])
    >>> len(l2_sp(model, 0.1))
    2
    >>> _ = model.layers[0].kernel.assign_add([[1.0], [0.0]])
    >>> round(keras.ops.convert_to_numpy(sum(model.losses)).item(), 3)
    0.05

    References:
        Li, Grandvalet and Davoine, 2018, https://arxiv.org/abs/1802.01483
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
    """α/2 · Σ(w − w⁰)² and what the variable had as a regularizer of its own."""

    def __init__(self, variable: keras.Variable, alpha: float, own: Any) -> None:
        self.alpha, self.own = alpha, own
        # a variable, as graphs would hold a constant of its size
        value = ops.copy(ops.convert_to_tensor(variable))
        self.start = keras.Variable(value, trainable=False, dtype=variable.dtype)

    def __call__(self, x: Tensor) -> Tensor:
        pull = self.alpha / 2 * ops.sum(ops.square(x - self.start))
        return pull if self.own is None else pull + self.own(x)
