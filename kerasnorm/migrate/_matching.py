"""Matches weights that files keep by objects: .keras, .weights.h5, checkpoints."""

import re
from typing import Protocol

import numpy as np

from kerasnorm.migrate._plan import Plan
from kerasnorm.migrate._twins import Slot, Twin


class Cursor(Protocol):
    """A place in a file: that of a layer."""

    def held(self, attribute: str) -> "Cursor":
        """Returns the place of a layer that this one holds."""

    def items(self, attribute: str, twins: list[Twin], keys: list[str]) -> list["Cursor"]:
        """Returns the places of a list of layers that this one holds, by what leads to each."""

    def weight(self, slot: Slot, index: int) -> np.ndarray:
        """Returns the value of a weight, the layer's own one of that number."""


def match(twin: Twin, cursor: Cursor, plan: Plan) -> None:
    """Notes the values of all weights of a layer and of those inside.

    Raises:
        ValueError: If one is missing or does not fit; the message names the layer.
    """
    arrays = {}
    for index, slot in enumerate(twin.slots):
        try:
            arrays[slot] = cursor.weight(slot, index)
        except KeyError as error:
            raise ValueError(missing(twin, slot)) from error
    for attribute, child in twin.children.items():
        if not isinstance(child, list):
            match(child, cursor.held(attribute), plan)
            continue
        keys = twin.keys.get(attribute) or [str(number) for number in range(len(child))]
        pairs = zip(child, keys, strict=True)
        weighted = {inner: key for inner, key in pairs if any(True for _ in inner.every_slot())}
        places = cursor.items(attribute, [*weighted], [*weighted.values()])
        for inner, its in zip(weighted, places, strict=True):
            match(inner, its, plan)
    place(twin, arrays, plan)


def place(twin: Twin, arrays: dict[Slot, np.ndarray], plan: Plan) -> None:
    """Notes the values of the weights of a layer itself."""
    if twin.adapt:
        arrays = twin.adapt(arrays)
    unplaced = {}
    for slot, array in arrays.items():
        if slot.variable is None:
            unplaced[slot.names[0]] = array
        else:
            array = slot.fit(array) if slot.fit else array
            plan.add(slot.variable, array, twin.path, slot.names[-1])
    if twin.settle:
        twin.settle(plan, unplaced)


def missing(twin: Twin, slot: Slot) -> str:
    return (
        f"Layer '{twin.path}' of class {twin.old_class}: its weight '{slot.names[-1]}' is not in "
        "the file. Give the model the layers, in the order and with the settings, that it had."
    )


def snake_case(name: str) -> str:
    """Returns what Keras 2 calls an object of a class in a file.

    >>> snake_case("DepthwiseConv2D"), snake_case("LayerNormLSTMCell")
    ('depthwise_conv2d', 'layer_norm_lstm_cell')
    """
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
