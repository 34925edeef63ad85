"""What Keras knows of a tensor or a step beyond its public names."""

import keras
from keras.src.backend import (
    get_keras_mask,
    get_stateless_scope,
    in_stateless_scope,
    in_symbolic_scope,
    set_keras_mask,
)

__all__ = ["get_keras_mask", "set_keras_mask", "update_is_lost"]


def update_is_lost(variable: keras.Variable) -> bool:
    """Returns whether an update of the variable goes nowhere, as in JAX' compiled steps.

    There the trainer hands in and takes out the values of the variables that it knows, and those
    of all others are constants.
    """
    if not in_stateless_scope() or in_symbolic_scope():
        return False
    return get_stateless_scope().get_current_value(variable) is None
