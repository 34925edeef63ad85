"""Finds weights in the HDF5 of .keras and .weights.h5 files, and in checkpoints."""

import functools
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import keras
import numpy as np

from kerasnorm._validation import listed
from kerasnorm.migrate._matching import match, snake_case
from kerasnorm.migrate._plan import Plan
from kerasnorm.migrate._protobuf import Trackable
from kerasnorm.migrate._twins import Slot, Twin
from kerasnorm.migrate._values import new_name

# what TFA's wrappers keep for their first call, of no use after it
_CLONE = "_naked_clone_layer"
_CUDNN = {"lstm": "cu_dnnlstm", "gru": "cu_dnngru"}
_CELL = "cell"  # which CuDNNLSTM and CuDNNGRU do not have: the weights are the layer's own
_NOT_OF_LAYERS = ("optimizer", "metrics", "loss_tracker", "_metrics", "compiled_metrics")


@dataclass(frozen=True)
class H5Cursor:
    """A place in a file that keeps weights by objects: `layers/dense_1/vars/0`."""

    arrays: dict[str, np.ndarray]
    path: str = ""
    used: set[str] = field(default_factory=set)

    def held(self, attribute: str) -> "H5Cursor":
        if attribute == _CELL and not self.has(f"{attribute}/"):
            return self
        return H5Cursor(self.arrays, f"{self.path}{attribute}/", self.used)

    def items(self, attribute: str, twins: list[Twin], keys: list[str]) -> list["H5Cursor"]:
        counts: dict[str, int] = {}
        found = []
        for twin in twins:
            name = snake_case(twin.old_class)
            if name in _CUDNN and not self.has(f"{attribute}/{name}/"):
                name = _CUDNN[name]
            number = counts[name] = counts.get(name, -1) + 1
            found.append(
                self.held(f"{attribute}/{name}_{number}" if number else f"{attribute}/{name}")
            )
        return found

    def has(self, inside: str) -> bool:
        """Returns whether there is anything in a place inside."""
        return any(key.startswith(f"{self.path}{inside}") for key in self.arrays)

    def weight(self, slot: Slot, index: int) -> np.ndarray:
        key = f"{self.path}vars/{index}"
        self.used.add(key)
        return self.arrays[key]

    def left(self) -> list[str]:
        return [
            key
            for key in self.arrays
            if key not in self.used
            and _CLONE not in key
            and key.partition("/")[0] not in _NOT_OF_LAYERS
        ]


@dataclass(frozen=True)
class GraphCursor:
    """A place in a checkpoint, which keeps weights by attributes, as a graph of objects."""

    nodes: list[Trackable]
    read: Callable[[str], np.ndarray]
    index: int = 0
    used: set[int] = field(default_factory=set)

    def held(self, attribute: str) -> "GraphCursor":
        children = self.nodes[self.index].children
        index = children.get(attribute)
        if attribute == _CELL and index is None and "kernel" in children:
            return self
        nodes = self.nodes if index is not None else [Trackable()]
        return GraphCursor(nodes, self.read, index or 0, self.used)

    def items(self, attribute: str, twins: list[Twin], keys: list[str]) -> list["GraphCursor"]:
        if attribute == "layers":
            held = [self.held(f"layer_with_weights-{number}") for number in range(len(twins))]
            return _by_name(held, twins) or held
        held = self.held(attribute)
        return [functools.reduce(GraphCursor.held, key.split("/"), held) for key in keys]

    def weight(self, slot: Slot, index: int) -> np.ndarray:
        numbers = (self._number(name) for name in slot.names)
        number = next((number for number in numbers if number is not None), None)
        key = None if number is None else self.nodes[number].key
        if number is None or key is None:
            raise KeyError(slot.names[0])
        self.used.add(number)
        return np.asarray(self.read(key))

    def _number(self, attribute: str) -> int | None:
        """Returns the number of what an attribute holds: "scales/0" is the first in a list."""
        number: int | None = self.index
        for name in attribute.split("/"):
            number = None if number is None else self.nodes[number].children.get(name)
        return number

    def variables(self) -> list[str]:
        """Returns the names of all variables inside."""
        found, seen, waiting = [], set(), [self.index]
        while waiting:
            index = waiting.pop()
            if index not in seen:
                seen.add(index)
                found += [self.nodes[index].name] if self.nodes[index].key is not None else []
                children = self.nodes[index].children.items()
                waiting += [child for name, child in children if name not in _SKIPPED]
        return found

    def left(self) -> list[str]:
        """Returns the names of the variables of layers that have not been read."""
        found, seen, waiting = [], set(), [self.index]
        while waiting:
            index = waiting.pop()
            if index in seen:
                continue
            seen.add(index)
            node = self.nodes[index]
            if node.key is not None and index not in self.used:
                found.append(node.name or node.key)
            waiting += [child for name, child in node.children.items() if name not in _SKIPPED]
        return found


def _by_name(cursors: list[GraphCursor], twins: list[Twin]) -> list[GraphCursor] | None:
    """Returns the place of each layer by the names of its variables, None if they do not tell."""
    found = []
    for twin in twins:
        names = _leaf_names(twin)
        matches = [cursor for cursor in cursors if _are_of(cursor.variables(), names)]
        if len(matches) != 1:
            return None
        found += matches
    return found if len({cursor.index for cursor in found}) == len(twins) else None


def _leaf_names(twin: Twin) -> set[str]:
    """Returns the names of the layers, in models inside too, that variables are called after."""
    if not isinstance(twin.layer, keras.Model):
        return {twin.layer.name}
    weighted = [inner for inner in twin.children["layers"] if [*inner.every_slot()]]
    return {name for inner in weighted for name in _leaf_names(inner)}


def _are_of(variables: list[str], names: set[str]) -> bool:
    """Returns whether variables, "block/conv/kernel", are those of layers of all these names."""
    of = [{new_name(part) for part in _beginnings(variable)} & names for variable in variables]
    return bool(of) and all(of) and set().union(*of) == names


def _beginnings(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


_OF_TRAINING = (
    *("optimizer", "loss", "keras_api", "save_counter", "_state_var", "_random_generator"),
    *("variables", "trainable_variables", "non_trainable_variables", "regularization_losses"),
)

_SKIPPED = (_CLONE, *_OF_TRAINING)


def root_of(nodes: list[Trackable]) -> int:
    """Returns the number of the model in a checkpoint, which may be one object of several."""
    if not any(name.startswith("layer_with_weights-") for name in nodes[0].children):
        return nodes[0].children.get("model", 0)
    return 0


def match_objects(twin: Twin, cursor: H5Cursor | GraphCursor, what: str) -> Plan:
    """Returns which value goes where.

    Raises:
        ValueError: If weights are missing, left, or do not fit.
    """
    plan = Plan()
    match(twin, cursor, plan)
    refuse_left(cursor.left(), what)
    return plan


def refuse_left(names: Collection[str], what: str) -> None:
    if names:
        raise ValueError(
            f"{what} has weights that no layer of the model takes: "
            f"{listed(sorted(names), most=5)}. Give the model the layers, in the order and with "
            "the settings, that it had."
        )
