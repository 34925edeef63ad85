"""Converts a model for several replicas and machines."""

from typing import Any

import keras
import numpy as np

from kerasnorm.backend import engine
from kerasnorm.distribute._cluster import read_cluster
from kerasnorm.distribute._distributed_model import DistributedModel
from kerasnorm.distribute._strategy import current_strategy
from kerasnorm.distribute._variables import variables_of
from kerasnorm.models import compile_like, copy_model, is_graph


def prepare(model: keras.Model, strategy: Any = None) -> DistributedModel:
    """Converts a model so that its `fit` works on several replicas and machines.

    Args:
        model: Built functional or Sequential keras.Model, which is unchanged.
        strategy: Strategy that divides the work. Defaults to the one in scope, or else
            `current_strategy()`.

    Returns:
        A `DistributedModel` with the weights and flags of the model, on all machines those of the
        chief. It is compiled if the model is, with the state of its optimizer.

    Raises:
        ValueError: If the model has no graph of layers, or no weights yet.

    Example:

    >>> model = prepare(keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]))
    >>> model.compile("sgd", "mse")
    >>> type(model).__name__
    'DistributedFunctional'

    See also:
        `DistributedModel`, what it converts to; `current_strategy`; `resume_callbacks`.
    """
    if not is_graph(model):
        raise ValueError(
            "`model` should be a built functional or Sequential model. Received: "
            f"{type(model).__name__}. Subclass kerasnorm.distribute.DistributedModel "
            "instead of keras.Model, and create it in the scope of `current_strategy()`."
        )
    if strategy is None:
        strategy = engine.in_scope_of() or current_strategy()
    with strategy.scope():
        copy = copy_model(model)
        new = DistributedModel(copy.inputs, copy.outputs, name=model.name)
        compile_like(new, model, same_training=True)
        if read_cluster() is not None:
            for variable in variables_of(new):
                variable.assign(engine.of_root(np.asarray(variable.numpy()), 0, strategy))
    return new
