"""A new head for a classifier."""

from typing import Any

import keras

from kerasnorm._validation import as_int
from kerasnorm.surgery.copying import copy_model
from kerasnorm.surgery.graphs import graph_of
from kerasnorm.surgery.heads import find_head, is_graph

_POOLED = (
    keras.layers.GlobalAveragePooling1D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalAveragePooling3D,
    keras.layers.GlobalMaxPooling1D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.GlobalMaxPooling3D,
    keras.layers.Flatten,
)


def replace_head(model: keras.Model, classes: int) -> keras.Model:
    """Returns a new model: a copy of a classifier whose last Dense layer is a new one.

    The new head has the old one's name, bias and activation (softmax in place of a sigmoid), and
    new random weights; all else has the weights and flags of the given model, which stays as it is.
    A backbone, a model that ends in feature maps or pooled features, gets global average pooling,
    if it has none, and a head "head" that gives logits.

    Args:
        model: functional model or built Sequential that ends in a Dense layer, and perhaps an
            activation, or a backbone (of keras.applications with `include_top=False`, of KerasHub).
            The layers below may be nested.
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
    graph = graph_of(model)
    if graph is None:
        raise ValueError(
            f"A new head for {classes} classes can be put on functional and Sequential models "
            f"only. Received: '{model.name}' of class {type(model).__name__}. Give it {classes} "
            "outputs."
        )
    if is_backbone(model):
        outputs = keras.layers.Dense(classes, name="head")(_pooled(model))
    else:
        outputs = _like_the_old(model, classes)
    return keras.Model(graph._inputs_struct, outputs, name=model.name)


def with_head(model: keras.Model, classes: int) -> keras.Model:
    """Returns the model itself, or if it is a backbone a copy with a head for the classes."""
    return replace_head(model, classes) if is_backbone(model) else model


def is_backbone(model: keras.Model) -> bool:
    """Returns whether a model gives feature maps, or what pooling has made of them."""
    if not is_graph(model) or len(model.outputs) != 1:
        return False
    last = model
    while isinstance(last, keras.Model):
        last = last.layers[-1]
    return 3 <= len(model.outputs[0].shape) <= 5 or isinstance(last, _POOLED)


def _pooled(model: keras.Model) -> Any:
    (features,) = model.outputs
    axes = len(features.shape) - 2
    return getattr(keras.layers, f"GlobalAveragePooling{axes}D")()(features) if axes else features


def _like_the_old(model: keras.Model, classes: int) -> Any:
    """Returns the outputs of a new head in place of the old one, and of what follows it."""
    old = find_head(model)
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
    return outputs
