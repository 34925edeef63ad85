"""Gathers what the arithmetic needs of Keras beyond its public names.

| private name | why |
|---|---|
| `get_keras_mask`, `set_keras_mask` | the mask that goes along with a tensor |
| `get_stateless_scope`, `in_stateless_scope`, `in_symbolic_scope` | whether a step is traced |
| `TorchParallelOptimizer`, `_backend_update_step` | torch's one kernel for all variables |

Made for Keras 3.12 to 3.15. `tests/backend/test_keras_private.py` fails when Keras moves.
"""

import keras
from keras.src.backend import (
    get_keras_mask,
    get_stateless_scope,
    in_stateless_scope,
    in_symbolic_scope,
    set_keras_mask,
)

__all__ = ["get_keras_mask", "set_keras_mask", "update_is_lost", "update_one_by_one"]


def update_is_lost(variable: keras.Variable) -> bool:
    """Returns whether an update of the variable goes nowhere, as in JAX' compiled steps.

    There the trainer hands in and takes out the values of the variables that it knows, and those
    of all others are constants.
    """
    if not in_stateless_scope() or in_symbolic_scope():
        return False
    return get_stateless_scope().get_current_value(variable) is None


def update_one_by_one(optimizer: keras.optimizers.Optimizer) -> None:
    """Makes an optimizer call `update_step` for each variable, not one kernel for all of them.

    Only torch's have such kernels, in a class that is not there on other backends.
    """
    for cls in type(optimizer).__mro__:
        if cls.__name__ == "TorchParallelOptimizer":
            optimizer._backend_update_step = super(cls, optimizer)._backend_update_step
