"""A classifier split into a frozen base, whose features can be kept, and what trains on them."""

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import keras

from kerasnorm.models import (
    find_head,
    first_call,
    graph_of,
    inputs_of,
    leaves,
    makers,
    set_statistics,
    statistics_set,
)
from kerasnorm.transfer.fine_tuning._augmenting import augmentations, is_random


class HeadSplit(NamedTuple):
    """Two models that share the layers of the one that they are parts of.

    Attributes:
        base: raw input in, features out.
        top: features in, the model's output out: the head, and perhaps dropout and activations.
    """

    base: keras.Model
    top: keras.Model


def split_at_head(model: keras.Model, random: bool = True) -> HeadSplit | None:
    """Returns the two parts of a classifier, or None where it has no graph, or nothing but a head.

    Args:
        model: A classifier.
        random: whether what is random between base and head belongs to the top, so that features
            are always the same in training too; if not, the top begins with the head.
    """
    graph, head = graph_of(model), find_head(model)
    if graph is None:
        return None
    made_by = makers(graph)
    tensor = boundary = first_call(graph, head).arguments.keras_tensors[0]
    while _is_step(call := made_by[id(tensor)]):
        tensor = call.arguments.keras_tensors[0]
        if random and is_random(call.operation):
            boundary = tensor
    if isinstance(made_by[id(boundary)].operation, keras.layers.InputLayer):
        return None
    base = keras.Model(inputs_of(model), boundary, name="base")
    return HeadSplit(base, keras.Model(boundary, graph.outputs[0], name="top"))


def _is_step(call: Any) -> bool:
    """Whether the call is one of a layer without weights, of one tensor."""
    layer = call.operation
    known = isinstance(layer, keras.Layer) and not isinstance(
        layer, (keras.Model, keras.layers.InputLayer)
    )
    return known and not layer.weights and len(call.arguments.keras_tensors) == 1


@contextlib.contextmanager
def base_at_inference(model: keras.Model) -> Iterator[None]:
    """Keeps dropout in the base still for a while, as it is where features are computed once."""
    split = split_at_head(model)
    inside = leaves(split.base) if split else []
    random = {id(leaf.layer) for leaf in augmentations(model)}
    still = [
        leaf.layer
        for leaf in inside
        if "training" in leaf.layer.call_signature_parameters
        and not leaf.own
        and id(leaf.layer) not in random
    ]
    before = [statistics_set(layer) for layer in still]
    try:
        for layer in still:
            set_statistics(layer, False)
        yield
    finally:
        for layer, moving in zip(still, before, strict=True):
            set_statistics(layer, moving)
