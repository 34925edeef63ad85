"""Which layer's output goes where, in the graphs of a model."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras

from kerasnorm.models._frozen import plain_class
from kerasnorm.models._leaves import Leaf, every_layer, package_of, sublayers


@dataclass(frozen=True)
class Use:
    """One call of a layer in a graph.

    Attributes:
        node: the call.
        source: the call whose output is its first argument; None: the graph's input.
        readers: how many calls read that output; the graph's own output counts too.
    """

    node: Any
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
        nodes = [node for depth in graph._nodes_by_depth.values() for node in depth]
        makers = {id(tensor): node for node in nodes for tensor in node.outputs}
        readers = defaultdict(int)
        for tensor in graph.outputs:
            readers[id(tensor)] += 1
        for node in nodes:
            for tensor in node.arguments.keras_tensors:
                readers[id(tensor)] += 1
        for node in nodes:
            first = next(iter(node.arguments.keras_tensors), None)
            found[id(node.operation)].append(Use(node, makers.get(id(first)), readers[id(first)]))
    for holder in holders:
        if graph_of(holder) is None:
            for child in sublayers(holder):
                found.pop(id(child), None)
    return dict(found)


def graph_of(layer: keras.Layer) -> Any:
    """Returns the graph that computes a model; None if there is none, or code of its own does."""
    if package_of(_definer(plain_class(layer), "call")) != "keras":
        return None
    if isinstance(layer, keras.Sequential):
        return layer._functional
    return layer if getattr(layer, "_nodes_by_depth", None) else None


def _definer(cls: type, method: str) -> type:
    return next(base for base in cls.__mro__ if method in vars(base))


def in_training(model: keras.Model, calls: dict[int, list[Use]]) -> set[int]:
    """Returns the ids of the layers that a graph calls with `training=True`, or that are inside."""
    found = set()
    for leaf in every_layer(model):
        if any(_argument(use.node, "training", 1) is True for use in calls.get(id(leaf.layer), ())):
            found |= {id(layer) for layer in _inside(leaf)}
    return found


def has_mask(use: Use) -> bool:
    """Returns whether a mask reaches a call."""
    tensors = use.node.arguments.keras_tensors
    return _argument(use.node, "mask", 2) is not None or any(
        getattr(tensor, "_keras_mask", None) is not None for tensor in tensors
    )


def _argument(node: Any, name: str, position: int) -> Any:
    arguments = node.arguments
    positional = arguments.args[position] if len(arguments.args) > position else None
    return arguments.kwargs.get(name, positional)


def _inside(leaf: Leaf) -> Iterator[keras.Layer]:
    yield leaf.layer
    for child in sublayers(leaf.layer):
        yield from _inside(Leaf((*leaf.nodes, child)))
