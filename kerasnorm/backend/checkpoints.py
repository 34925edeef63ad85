"""TensorFlow checkpoints, on every Keras backend; imported where used."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError, Message
from tensorflow.core.protobuf import saved_model_pb2, trackable_object_graph_pb2
from tensorflow.python.keras.protobuf import saved_metadata_pb2

# what TensorFlow's reader raises for damaged files
_ERRORS = (tf.errors.OpError, RuntimeError, ValueError, TypeError, LookupError, MemoryError)
GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"


def open_checkpoint(prefix: Path) -> tuple[bytes, Callable[[str], np.ndarray]]:
    """Returns a checkpoint's object graph, serialized, and a function that reads a variable.

    Raises:
        ValueError: if the checkpoint is damaged; so does the function returned.
    """

    def read(key: str) -> np.ndarray:
        try:
            return reader.get_tensor(key)
        except _ERRORS as error:
            raise ValueError(_damaged(prefix, error)) from error

    try:
        reader = tf.train.load_checkpoint(str(prefix))
    except _ERRORS as error:
        raise ValueError(_damaged(prefix, error)) from error
    if not reader.has_tensor(GRAPH):
        raise ValueError(
            f"The checkpoint {str(prefix)!r} does not say whose its variables are: it is none of "
            "TensorFlow 2. Save it with `model.save_weights`."
        )
    graph = read(GRAPH)
    if not isinstance(graph, bytes):
        raise ValueError(_damaged(prefix, "it has no object graph."))
    return graph, read


_MESSAGES: dict[str, type[Message]] = {
    "SavedMetadata": saved_metadata_pb2.SavedMetadata,
    "SavedModel": saved_model_pb2.SavedModel,
    "TrackableObjectGraph": trackable_object_graph_pb2.TrackableObjectGraph,
}


def read_message(kind: str, content: bytes) -> Any:
    """Returns one of TensorFlow's messages.

    Raises:
        ValueError: if it is damaged.
    """
    try:
        return _MESSAGES[kind].FromString(content)
    except DecodeError as error:
        raise ValueError("It is damaged: a message in it ends early or makes no sense.") from error


def _damaged(prefix: Path, reason: object) -> str:
    lines = str(reason).splitlines() or [""]
    return f"The checkpoint {str(prefix)!r} is damaged: {lines[0]}"
