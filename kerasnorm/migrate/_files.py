"""Reads files and folders of TensorFlow Addons and Keras 2 into plain values."""

import contextlib
import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import h5py

from kerasnorm._types import StrPath
from kerasnorm.migrate._formats import (
    Checkpoint,
    OldModel,
    Weights,
    is_json,
    read_json,
    read_keras,
    read_saved_model,
    reading,
)
from kerasnorm.migrate._hdf5 import open_h5, read_h5, read_text
from kerasnorm.migrate._kinds import refuse_keras_1, refuse_keras_3, refuse_other
from kerasnorm.migrate._values import as_saved, expect, parse, short


def read_model(path: StrPath, weights: StrPath | None = None) -> tuple[OldModel, Weights]:
    """Reads a model from a file or folder, or the JSON of its architecture, and its weights.

    Args:
        path: Of an .h5 file, a .keras file of Keras 2, a SavedModel's folder, or a .json file of
            Keras or TensorFlow.js; or the text of such a one.
        weights: Path of the weights, if they are in another file. Defaults to None.

    Raises:
        OSError: If there is none.
        ValueError: If it is no such file, damaged, or holds an architecture only.
    """
    old = _read_model(path)
    found = old.weights if weights is None else read_weights(weights)
    if found is None:
        raise ValueError(
            "It describes a model without weights. Pass the path of the weights, too: "
            '`load_tfa_model("model.json", weights="model.h5")`.'
        )
    return old, found


def _read_model(path: StrPath) -> OldModel:
    if is_json(path):
        return read_json(str(path), None)
    path = _existing(path)
    if path.is_dir():
        return read_saved_model(path)
    content = path.read_bytes()
    if is_json(content):
        return read_json(content, path.parent)
    with reading(path):
        if zipfile.is_zipfile(io.BytesIO(content)):
            return read_keras(content, path)[0]
        refuse_other(content, path)
        with open_h5(content) as file:
            refuse_keras_3(_version(file), path)
            if "model_config" not in file.attrs:
                raise ValueError(
                    f"{str(path)!r} has no model, at most weights. With a .json file of it use "
                    "`load_tfa_model(json, weights=path)`; else build the model with Keras 3 "
                    "and use `load_tfa_weights(model, path)`."
                )
            text = read_text(file.attrs["model_config"])
            refuse_keras_1(text)
            saved = as_saved(parse(text), "A model")
            training = file.attrs.get("training_config")
            training = {} if training is None else parse(read_text(training))
            return OldModel(saved, expect(training, dict, "How it trains"), read_h5(file))


def _version(file: h5py.File) -> str | None:
    version = file.attrs.get("keras_version") if "model_config" in file.attrs else None
    return None if version is None else read_text(version)


def read_weights(path: StrPath) -> Weights:
    """Reads the weights that a file of weights or of a model has, or a checkpoint.

    Raises:
        OSError: If there is none.
        ValueError: If it is no such file, or damaged.
    """
    path = Path(path).expanduser()
    if path.with_name(f"{path.name}.index").is_file():
        return Checkpoint(path)
    path = _existing(path)
    if path.is_dir():
        if (path / "variables" / "variables.index").is_file():
            return Checkpoint(path / "variables" / "variables")
        if (path / "model.json").is_file():
            return read_weights(path / "model.json")
        raise ValueError(
            f"The folder {str(path)!r} is no SavedModel. For a checkpoint give the prefix that it "
            "was saved with: its files' names up to `.index`."
        )
    content = path.read_bytes()
    if is_json(content):
        weights = read_json(content, path.parent).weights
        if weights is None:
            raise ValueError(f"{str(path)!r} describes a model and has no weights.")
        return weights
    with reading(path):
        if zipfile.is_zipfile(io.BytesIO(content)):
            return read_keras(content, path)[1]
        refuse_other(content, path)
        with open_h5(content) as file:
            return read_h5(file)


def _existing(path: StrPath) -> Path:
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"There is no file {str(path)!r}.")
    return path


@contextlib.contextmanager
def naming_the_file(path: StrPath) -> Iterator[None]:
    """Puts the name of the file before an error, unless the error quotes a name already."""
    try:
        yield
    except ValueError as error:
        if "'" in str(error):
            raise
        name = short(path) if is_json(path) else repr(os.fspath(path))
        raise ValueError(f"{name} cannot be read: {error}") from error
