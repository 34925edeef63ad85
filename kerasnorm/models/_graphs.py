"""Walks the graphs of a model: which layer's output goes where."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

from kerasnorm.backend import get_keras_mask
from kerasnorm.models import _keras
from kerasnorm.models._frozen import plain_class
from kerasnorm.models._leaves import every_layer, package_of, sublayers, with_inside


def graph_of(layer: keras.Layer) -> Any:
    """Returns the graph that computes a model; None if there is none, or code of its own does."""
    if package_of(_definer(plain_class(layer), "call")) != "keras":
        return None
    return _keras.graph_inside(layer)


def _definer(cls: type, method: str) -> type:
    return next(base for base in cls.__mro__ if method in vars(base))


def calls(graph: Any) -> list[Any]:
    """Returns the calls in a graph, in the order of the computation.

    Each has `operation`, what is called; `arguments`, with `args`, `kwargs` and `keras_tensors`;
    and `outputs`, KerasTensors.
    """
    return _keras.nodes_of(graph)


def first_call(graph: Any, layer: keras.Layer) -> Any:
    """Returns the first call of a layer in a graph."""
    return next(call for call in calls(graph) if call.operation is layer)


def makers(graph: Any) -> dict[int, Any]:
    """Returns the call that gives each tensor in a graph, by the tensor's id."""
    return {id(tensor): call for call in calls(graph) for tensor in call.outputs}


def readers(graph: Any, tensor: Any) -> list[Any]:
    """Returns the calls in a graph that a tensor is an argument of."""
    return [call for call in calls(graph) if any(t is tensor for t in call.arguments.keras_tensors)]


def inputs_of(model: keras.Model) -> Any:
    """Returns the inputs of a model with a graph in the structure in which it takes them."""
    return _keras.inputs_of_graph(graph_of(model))


def outputs_on(
    model: keras.Model, inputs: Any, replace: Callable[[Any], Any], call: Callable[..., Any]
) -> Any:
    """Returns what the graph of a model gives for other inputs.

    Args:
        model: One with a graph.
        inputs: As the model takes them.
        replace: Returns the operation to take in place of one.
        call: Calls it, with its arguments.
    """
    return _keras.run_graph(graph_of(model), inputs, replace, call)


@dataclass(frozen=True)
class Use:
    """One call of a layer in a graph.

    Attributes:
        call: The call.
        source: The call whose output is its first argument; None: the graph's input.
        readers: How many calls read that output; the graph's own output counts too.
    """

    call: Any
    source: Any
    readers: int


def uses(model: keras.Model) -> dict[int, list[Use]]:
    """Returns the calls of every layer, by its id, in all functional and Sequential models inside.

    A layer that a custom layer or a subclassed model holds may be called there too, which no graph
    says: it has none at all here.
    """
    found = defaultdict(list)
    holders = [model, *(leaf.layer for leaf in every_layer(model))]
    for graph in filter(None, map(graph_of, holders)):
        for use in _uses_in(graph):
            found[id(use.call.operation)].append(use)
    for holder in holders:
        if graph_of(holder) is None:
            for child in sublayers(holder):
                found.pop(id(child), None)
    return dict(found)


def _uses_in(graph: Any) -> list[Use]:
    made_by, read = makers(graph), defaultdict(int)
    for tensor in graph.outputs:
        read[id(tensor)] += 1
    for call in calls(graph):
        for tensor in call.arguments.keras_tensors:
            read[id(tensor)] += 1
    firsts = [(call, id(next(iter(call.arguments.keras_tensors), None))) for call in calls(graph)]
    return [Use(call, made_by.get(first), read[first]) for call, first in firsts]


def in_training(model: keras.Model, used: dict[int, list[Use]]) -> set[int]:
    """Returns the ids of the layers that a graph calls with `training=True`, or that are inside."""
    found = set()
    for leaf in every_layer(model):
        if any(_argument(use.call, "training", 1) is True for use in used.get(id(leaf.layer), ())):
            found |= {id(layer) for layer in with_inside(leaf.layer)}
    return found


def has_mask(use: Use) -> bool:
    """Returns whether a mask reaches a call."""
    tensors = use.call.arguments.keras_tensors
    return _argument(use.call, "mask", 2) is not None or any(
        get_keras_mask(tensor) is not None for tensor in tensors
    )


def is_given_mask(layer: keras.Layer) -> bool:
    """Returns whether a layer is called with the argument `mask`, in whichever graph."""
    return any(call.arguments.kwargs.get("mask") is not None for call in _keras.nodes_into(layer))


def _argument(call: Any, name: str, position: int) -> Any:
    arguments = call.arguments
    positional = arguments.args[position] if len(arguments.args) > position else None
    return arguments.kwargs.get(name, positional)
