"""Reads the protocol buffers of TensorFlow: objects and layers of a model."""

from dataclasses import dataclass, field
from typing import Any

_KERAS = "_tf_keras_"  # which begins the identifier of what Keras saved


@dataclass
class Trackable:
    """A node of a checkpoint's object graph.

    Attributes:
        children: The numbers of the nodes that it holds, by the attributes they are in.
        key: What its value is stored under, if it is a variable.
        name: What the variable was called.
    """

    children: dict[str, int] = field(default_factory=dict)
    key: str | None = None
    name: str = ""


def _read(kind: str, content: bytes) -> Any:
    from kerasnorm.backend.checkpoints import read_message

    return read_message(kind, content)


def read_object_graph(message: bytes) -> list[Trackable]:
    """Returns the nodes of a TrackableObjectGraph; the first is the root.

    Raises:
        ValueError: If it is damaged.
    """
    nodes = [_trackable(node) for node in _read("TrackableObjectGraph", message).nodes]
    if not nodes or any(n not in range(len(nodes)) for x in nodes for n in x.children.values()):
        raise ValueError("It is damaged: its objects are not all there.")
    return nodes


def _trackable(node: Any) -> Trackable:
    found = Trackable({child.local_name: child.node_id for child in node.children})
    for attribute in node.attributes:
        if attribute.name == "VARIABLE_VALUE":
            found.key, found.name = attribute.checkpoint_key, attribute.full_name
    return found


def read_root_metadata(message: bytes) -> str:
    """Returns the JSON that a SavedModel's keras_metadata.pb has of the model itself.

    Raises:
        ValueError: If it is damaged or has none.
    """
    for node in _read("SavedMetadata", message).nodes:
        if node.node_path == "root":
            return node.metadata
    raise ValueError("It has no Keras model for its root.")


def read_model_metadata(message: bytes) -> str | None:
    """Returns the JSON that a SavedModel of TensorFlow 2.0 to 2.4 has of its model in itself.

    None if it holds no model of Keras.

    Raises:
        ValueError: If it is damaged.
    """
    for graph in _read("SavedModel", message).meta_graphs:
        for root in graph.object_graph_def.nodes[:1]:
            if root.user_object.identifier.startswith(_KERAS) and root.user_object.metadata:
                return root.user_object.metadata
    return None
