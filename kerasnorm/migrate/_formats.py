"""Reads the formats of Keras 2 models and their weights."""

import contextlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kerasnorm._types import StrPath
from kerasnorm.migrate._hdf5 import H5Objects, open_h5, read_arrays
from kerasnorm.migrate._kinds import is_of_keras_3, refuse_keras_1, refuse_keras_3, refuse_other_zip
from kerasnorm.migrate._object_weights import GraphCursor, match_objects, root_of
from kerasnorm.migrate._plan import Plan
from kerasnorm.migrate._protobuf import (
    read_model_metadata,
    read_object_graph,
    read_root_metadata,
)
from kerasnorm.migrate._tfjs import is_tfjs, read_shards, read_topology
from kerasnorm.migrate._twins import Twin
from kerasnorm.migrate._values import Saved, as_saved, expect, parse

# what the readers of HDF5 and zip raise for damaged files
READER_ERRORS = (
    *(OSError, KeyError, IndexError, AttributeError, TypeError, RuntimeError, MemoryError),
    *(OverflowError, EOFError, NotImplementedError, UnicodeError, struct.error, zlib.error),
    zipfile.BadZipFile,
)


class Weights(Protocol):
    """The weights in a file."""

    def match(self, twin: Twin) -> Plan:
        """Returns which value goes where in a model; ValueError if it does not fit."""


@dataclass
class OldModel:
    """Holds the content of a model file.

    Attributes:
        saved: The model's class and config.
        training: What the file says of its loss, optimizer and metrics.
        weights: Its weights, None if they are in another file.
    """

    saved: Saved
    training: dict[str, Any]
    weights: Weights | None


@dataclass
class Checkpoint:
    """Weights by objects, in a TensorFlow checkpoint."""

    prefix: Path

    def match(self, twin: Twin) -> Plan:
        from kerasnorm.backend.checkpoints import open_checkpoint

        graph, read = open_checkpoint(self.prefix)
        nodes = read_object_graph(graph)
        cursor = GraphCursor(nodes, read, root_of(nodes))
        return match_objects(twin, cursor, f"The checkpoint {str(self.prefix)!r}")


def is_json(content: StrPath | bytes) -> bool:
    """Returns whether a file's content, or what is given for a path, is the text of an object."""
    if isinstance(content, bytes):
        return content.lstrip().startswith(b"{")
    return isinstance(content, str) and content.lstrip().startswith("{")


def read_json(text: str | bytes, folder: Path | None) -> OldModel:
    """Reads what `model.to_json` gives, or model.json of TensorFlow.js with the files beside it.

    Raises:
        OSError: If one of those is missing.
        ValueError: If it describes no model.
    """
    fields = parse(text)
    if not isinstance(fields, dict):
        raise ValueError("It is JSON that describes no model.")
    if is_tfjs(fields):
        model = read_topology(fields)
        manifest = fields.get("weightsManifest") if folder else None
        weights = read_shards(fields, folder) if folder and manifest else None
        training = expect(model["training"] or {}, dict, "How it trains")
        return OldModel(as_saved(model, "A model"), training, weights)
    if "class_name" not in fields or "config" not in fields:
        raise ValueError("It is JSON that describes no model.")
    refuse_keras_1(json.dumps(fields))
    if is_of_keras_3(fields):
        raise ValueError("It is of Keras 3. Load it with `keras.models.model_from_json`.")
    return OldModel(as_saved(fields, "A model"), {}, None)


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turns what readers raise for a damaged file into a ValueError."""
    try:
        yield
    except READER_ERRORS as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise ValueError(
            f"{str(path)!r} is damaged, or no .h5 or .keras file: {lines[0]}"
        ) from error


def read_keras(content: bytes, path: Path) -> tuple[OldModel, H5Objects]:
    """Reads a .keras file of Keras 2, and its weights apart.

    Raises:
        ValueError: If it is of Keras 3, or another zip archive. Damaged ones raise more than that.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        refuse_other_zip(archive, path)
        metadata = expect(parse(archive.read("metadata.json")), dict, "metadata.json")
        version = expect(metadata.get("keras_version"), str, "Keras' version")
        refuse_keras_3(version, path)
        fields = expect(parse(archive.read("config.json")), dict, "config.json")
        weights = archive.read("model.weights.h5")
    training = fields.get("compile_config") or {}
    with open_h5(weights) as file:
        arrays = H5Objects(read_arrays(file))
    training = expect(training, dict, "How it trains")
    return OldModel(as_saved(fields, "A model"), training, arrays), arrays


def read_saved_model(path: Path) -> OldModel:
    """Reads a SavedModel, or a folder with model.json of TensorFlow.js.

    Raises:
        ValueError: If it is none, or holds no model of Keras.
    """
    metadata = path / "keras_metadata.pb"
    variables = path / "variables" / "variables"
    topology = path / "model.json"
    if topology.is_file():
        return read_json(topology.read_bytes(), path)
    if not (path / "saved_model.pb").is_file():
        raise ValueError(f"The folder {str(path)!r} is no SavedModel: it has no saved_model.pb.")
    with reading(path):
        if metadata.is_file():
            text = read_root_metadata(metadata.read_bytes())
        else:  # of TensorFlow 2.0 to 2.4
            text = read_model_metadata((path / "saved_model.pb").read_bytes())
    if text is None:
        raise ValueError(
            f"The SavedModel {str(path)!r} does not say what its layers are: it has no "
            "keras_metadata.pb, and was saved by `tf.saved_model.save` or `export`. Save it with "
            "`model.save`."
        )
    if not variables.with_name("variables.index").is_file():
        raise ValueError(f"The SavedModel {str(path)!r} has no variables.")
    fields = expect(parse(text), dict, "A model")
    training = expect(fields.get("training_config") or {}, dict, "How it trains")
    return OldModel(as_saved(fields, "A model"), training, Checkpoint(variables))
