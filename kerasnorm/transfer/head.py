"""A new head for a classifier."""

import keras

from kerasnorm._validation import as_int
from kerasnorm.surgery.copying import copy_model
from kerasnorm.surgery.graphs import graph_of
from kerasnorm.surgery.heads import find_head, gives_logits, is_graph

__all__ = ["find_head", "gives_logits", "is_graph", "put_new_head", "replace_head"]


def replace_head(model: keras.Model, classes: int) -> keras.Model:
    """Returns a new model: a copy of a classifier whose last Dense layer is a new one.

    The new head has the old one's name, bias and activation (softmax in place of a sigmoid), and
    new random weights; all else has the weights and flags of the given model, which stays as it is.

    Args:
        model: functional model or built Sequential that ends in a Dense layer, and perhaps an
            activation. The layers below may be nested.
        classes: int ≥ 1, units of the new head.

    Returns:
        A functional model that is not compiled.

    Raises:
        ValueError: if `classes` is out of range, or the model does not end so, has no graph or
            cannot be copied.

    Example:

    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(10, "softmax")])
    >>> replace_head(model, 3).output_shape
    (None, 3)
    """
    return put_new_head(copy_model(model), as_int("classes", classes, low=1))


def put_new_head(model: keras.Model, classes: int) -> keras.Model:
    """Returns a model of the same layers below a new head, as `replace_head` describes it."""
    old, graph = find_head(model), graph_of(model)
    if graph is None:
        raise ValueError(
            f"Model '{model.name}' has {old.units} outputs for {classes} classes, and a new head "
            f"can be put on functional and Sequential models only. Received: "
            f"{type(model).__name__}. Give it {classes} outputs."
        )
    binary = old.activation is keras.activations.sigmoid
    new = keras.layers.Dense(
        classes,
        activation="softmax" if binary else old.activation,
        use_bias=old.use_bias,
        dtype=old.dtype_policy,
        name=old.name,
    )
    outputs = new(old.input)
    for activation in model.layers[model.layers.index(old) + 1 :]:
        outputs = type(activation).from_config(activation.get_config())(outputs)
    return keras.Model(graph._inputs_struct, outputs, name=model.name)
