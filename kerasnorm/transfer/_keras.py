"""Gathers the private parts of Keras that a learning rate for each layer needs.

| private name | why |
|---|---|
| `_apply_weight_decay`, `_get_current_learning_rate` | decay at each variable's own rate |
| `_get_variable_index` | which of its variables an optimizer is updating |
| `_variables` | the variables that an optimizer has itself |
| `_model_variables_moving_average` | what `keras.callbacks.SwapEMAWeights` swaps |

Made for Keras 3.12 to 3.15. `tests/transfer/test_keras_private.py` fails when these change.
"""

import collections
from collections.abc import Callable
from typing import Any

import keras


def scale_weight_decay(
    optimizer: keras.optimizers.Optimizer, factor_of: Callable[[Any], keras.Variable]
) -> None:
    """Lets an optimizer decay each variable at its learning rate times the variable's factor."""
    decay, rate = optimizer._apply_weight_decay, optimizer._get_current_learning_rate
    factor = None

    def apply_weight_decay(variables):
        nonlocal factor
        members = collections.defaultdict(list)
        for variable in variables:
            members[id(factor_of(variable))].append(variable)
        for group in members.values():
            factor = factor_of(group[0])
            decay(group)
        factor = None

    def current_learning_rate():
        return rate() if factor is None else rate() * factor

    optimizer._apply_weight_decay = apply_weight_decay
    optimizer._get_current_learning_rate = current_learning_rate


def index_of(optimizer: keras.optimizers.Optimizer, variable: Any) -> int:
    """Returns the place of a variable among those that an optimizer was built for."""
    return optimizer._get_variable_index(variable)


def own_variables(optimizer: keras.optimizers.Optimizer) -> list[keras.Variable]:
    """Returns the variables of an optimizer itself, without those of one that it wraps."""
    return optimizer._variables


class AveragesOfInner:
    """Mixin of an optimizer that wraps `optimizer`, for callbacks that swap in its averages."""

    @property
    def _model_variables_moving_average(self) -> list[keras.Variable]:
        return self.optimizer._model_variables_moving_average
