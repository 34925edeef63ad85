"""Files and folders of TensorFlow Addons and Keras 2, read into plain values."""

import contextlib
import io
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kerasnorm._types import StrPath
from kerasnorm.migrate._hdf5 import H5Objects, open_h5, read_arrays, read_h5, read_text
from kerasnorm.migrate._object_weights import GraphCursor, match_objects, root_of
from kerasnorm.migrate._plan import Plan
from kerasnorm.migrate._protobuf import read_object_graph, read_root_metadata
from kerasnorm.migrate._twins import Twin
from kerasnorm.migrate._values import Saved, as_saved, expect, parse

# what the readers of HDF5 and zip raise for damaged files
_ERRORS = (
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
    """What a file has of a model.

    Attributes:
        saved: the model's class and config.
        training: what the file says of its loss, optimizer and metrics.
        weights: its weights.
    """

    saved: Saved
    training: dict[str, Any]
    weights: Weights


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


def read_model(path: StrPath) -> OldModel:
    """Reads a model from an .h5 file, a .keras file of Keras 2 or a SavedModel's folder.

    Raises:
        OSError: if there is none.
        ValueError: if it is no such file, damaged, or holds weights only.
    """
    path = _existing(path)
    if path.is_dir():
        return _read_saved_model(path)
    with _reading(path):
        content = path.read_bytes()
        if zipfile.is_zipfile(io.BytesIO(content)):
            return _read_keras(content, path)
        with open_h5(content) as file:
            if "model_config" not in file.attrs:
                raise ValueError(
                    f"{str(path)!r} holds no model, only weights perhaps. Build the model with "
                    "Keras 3 and use `load_tfa_weights(model, path)`."
                )
            saved = as_saved(parse(read_text(file.attrs["model_config"])), "A model")
            training = file.attrs.get("training_config")
            training = {} if training is None else parse(read_text(training))
            return OldModel(saved, expect(training, dict, "How it trains"), read_h5(file))


def read_weights(path: StrPath) -> Weights:
    """Reads the weights that a file of weights or of a model has, or a checkpoint.

    Raises:
        OSError: if there is none.
        ValueError: if it is no such file, or damaged.
    """
    path = Path(path).expanduser()
    if path.with_name(f"{path.name}.index").is_file():
        return Checkpoint(path)
    path = _existing(path)
    if path.is_dir():
        if (path / "variables" / "variables.index").is_file():
            return Checkpoint(path / "variables" / "variables")
        raise ValueError(
            f"The folder {str(path)!r} is no SavedModel. For a checkpoint give the prefix that it "
            "was saved with: its files' names up to `.index`."
        )
    with _reading(path):
        content = path.read_bytes()
        if zipfile.is_zipfile(io.BytesIO(content)):
            return _read_keras(content, path).weights
        with open_h5(content) as file:
            return read_h5(file)


def _existing(path: StrPath) -> Path:
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"There is no file {str(path)!r}.")
    return path


@contextlib.contextmanager
def naming_the_file(path: StrPath) -> Iterator[None]:
    """Puts the file's name before what is wrong, unless a quoted name says where it is already."""
    try:
        yield
    except ValueError as error:
        if "'" in str(error):
            raise
        raise ValueError(f"{os.fspath(path)!r} cannot be read: {error}") from error


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except _ERRORS as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise ValueError(
            f"{str(path)!r} is damaged, or no .h5 or .keras file: {lines[0]}"
        ) from error


def _read_keras(content: bytes, path: Path) -> OldModel:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        metadata = expect(parse(archive.read("metadata.json")), dict, "metadata.json")
        version = expect(metadata.get("keras_version"), str, "Keras' version")
        if not version.startswith("2."):
            raise ValueError(
                f"{str(path)!r} is of Keras {version}. Load it with `keras.saving.load_model`."
            )
        fields = expect(parse(archive.read("config.json")), dict, "config.json")
        weights = archive.read("model.weights.h5")
    training = fields.get("compile_config") or {}
    with open_h5(weights) as file:
        arrays = H5Objects(read_arrays(file))
    return OldModel(as_saved(fields, "A model"), expect(training, dict, "How it trains"), arrays)


def _read_saved_model(path: Path) -> OldModel:
    metadata = path / "keras_metadata.pb"
    variables = path / "variables" / "variables"
    if not (path / "saved_model.pb").is_file():
        raise ValueError(f"The folder {str(path)!r} is no SavedModel: it has no saved_model.pb.")
    if not metadata.is_file():
        raise ValueError(
            f"The SavedModel {str(path)!r} has no keras_metadata.pb, which says what its layers "
            "are: it was saved by `tf.saved_model.save` or `export`. Save it with `model.save`."
        )
    if not variables.with_name("variables.index").is_file():
        raise ValueError(f"The SavedModel {str(path)!r} has no variables.")
    with _reading(path):
        fields = expect(parse(read_root_metadata(metadata.read_bytes())), dict, "A model")
    training = expect(fields.get("training_config") or {}, dict, "How it trains")
    return OldModel(as_saved(fields, "A model"), training, Checkpoint(variables))
