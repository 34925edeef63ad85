"""Places of weights in the HDF5 of .keras and .weights.h5 files, and in checkpoints."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import numpy as np

from kerasnorm._validation import listed
from kerasnorm.migrate._matching import match, snake_case
from kerasnorm.migrate._plan import Plan
from kerasnorm.migrate._protobuf import Trackable
from kerasnorm.migrate._twins import Slot, Twin

# what TFA's wrappers keep for their first call, of no use after it
_CLONE = "_naked_clone_layer"
_NOT_OF_LAYERS = ("optimizer", "metrics", "loss_tracker", "_metrics", "compiled_metrics")


@dataclass(frozen=True)
class H5Cursor:
    """A place in a file that keeps weights by objects: `layers/dense_1/vars/0`."""

    arrays: dict[str, np.ndarray]
    path: str = ""
    used: set[str] = field(default_factory=set)

    def held(self, attribute: str) -> "H5Cursor":
        return H5Cursor(self.arrays, f"{self.path}{attribute}/", self.used)

    def items(self, attribute: str, twins: list[Twin]) -> list["H5Cursor"]:
        counts: dict[str, int] = {}
        found = []
        for twin in twins:
            name = snake_case(twin.old_class)
            number = counts[name] = counts.get(name, -1) + 1
            found.append(
                self.held(f"{attribute}/{name}_{number}" if number else f"{attribute}/{name}")
            )
        return found

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
        index = self.nodes[self.index].children.get(attribute)
        nodes = self.nodes if index is not None else [Trackable()]
        return GraphCursor(nodes, self.read, index or 0, self.used)

    def items(self, attribute: str, twins: list[Twin]) -> list["GraphCursor"]:
        if attribute == "layers":
            return [self.held(f"layer_with_weights-{number}") for number in range(len(twins))]
        held = self.held(attribute)
        return [held.held(str(number)) for number in range(len(twins))]

    def weight(self, slot: Slot, index: int) -> np.ndarray:
        children = self.nodes[self.index].children
        number = children[next((name for name in slot.names if name in children), slot.names[0])]
        key = self.nodes[number].key
        if key is None:
            raise KeyError(slot.names[0])
        self.used.add(number)
        return np.asarray(self.read(key))

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
            skipped = (_CLONE, *_OF_TRAINING)
            waiting += [child for name, child in node.children.items() if name not in skipped]
        return found


_OF_TRAINING = (
    *("optimizer", "loss", "keras_api", "save_counter", "_state_var", "_random_generator"),
    *("variables", "trainable_variables", "non_trainable_variables", "regularization_losses"),
)


def root_of(nodes: list[Trackable]) -> int:
    """Returns the number of the model in a checkpoint, which may be one object of several."""
    if not any(name.startswith("layer_with_weights-") for name in nodes[0].children):
        return nodes[0].children.get("model", 0)
    return 0


def match_objects(twin: Twin, cursor: H5Cursor | GraphCursor, what: str) -> Plan:
    """Returns which value goes where.

    Raises:
        ValueError: if weights are missing, left, or do not fit.
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
