"""Cuts a model above one of its layers."""

from typing import Any

import keras

from kerasnorm.models import Leaf, first_call, graph_of, inputs_of
from kerasnorm.transfer.probing._pooled import pool


def cut(model: keras.Model, leaf: Leaf) -> keras.Model:
    """Returns the part of a model up to a layer: raw input in, pooled float32 features out.

    It shares the model's layers, and so their weights. Of a layer that is called several times it
    is the first call, and of several outputs the first.

    Args:
        model: Functional or Sequential model; the models on the way to the layer, too.
        leaf: The way to a layer of the model, or of a model inside.

    Raises:
        ValueError: If a model on the way has no graph.
    """
    output = _output(leaf.nodes)
    return keras.Model(inputs_of(model), pool(leaf.layer, output), name="features")


def _output(nodes: tuple[keras.Layer, ...]) -> Any:
    """Returns the output of the last layer on the way, as a tensor in the first model's graph."""
    model, layer, *_ = nodes
    graph = graph_of(model)
    if graph is None:
        raise ValueError(
            f"'{model.name}' of class {type(model).__name__} has a `call` of its own and no graph, "
            f"so it cannot be cut at '{layer.name}'. Probe the layers outside it, or make it a "
            "functional model."
        )
    call = first_call(graph, layer)
    if len(nodes) == 2:
        return call.outputs[0]
    inner = _output(nodes[1:])
    inputs = graph_of(layer).inputs
    given = call.arguments.keras_tensors[: len(inputs)]
    return keras.Model(inputs, inner, name=layer.name)(given if len(given) > 1 else given[0])
