"""Repairs files of early Keras 3 that today's Keras cannot read."""

import io
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import keras

from kerasnorm._types import StrPath
from kerasnorm.migrate._custom import Custom
from kerasnorm.migrate._formats import READER_ERRORS, is_json
from kerasnorm.migrate._refusals import ERRORS

_CONFIG = "config.json"


def load_repaired(path: StrPath, custom: Custom, safe_mode: bool) -> keras.Model | None:
    """Returns the model in a .keras file of Keras 3, None if nothing is to be repaired in it.

    Until 3.8 Keras wrote the one output of a functional model as a list of one, and read it as
    the output itself. Today it reads a list, which the next layer of a Sequential model refuses.

    Raises:
        ValueError: If the repaired file cannot be loaded either.
    """
    if is_json(path):
        return None
    path = Path(path).expanduser()
    if not path.is_file() or not zipfile.is_zipfile(path):
        return None
    content = _repaired(path)
    if content is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "repaired.keras"
        file.write_bytes(content)
        try:
            return keras.saving.load_model(
                file, custom_objects=dict(custom.given), compile=False, safe_mode=safe_mode
            )
        except ERRORS as error:
            reason = " ".join(str(error).split())[:500]
            raise ValueError(f"{str(path)!r} cannot be loaded: {reason}") from error


def _repaired(path: Path) -> bytes | None:
    """Returns the content of a file with its architecture repaired, None if it needs nothing."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        version = json.loads(parts["metadata.json"])["keras_version"]
        config = json.loads(parts[_CONFIG])
    except (*READER_ERRORS, ValueError, RecursionError):
        return None  # no such file, or damaged: said by what reads it
    if not str(version).startswith("3.") or not _unwrap(config, in_sequential=False):
        return None
    parts[_CONFIG] = json.dumps(config).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _unwrap(saved: Any, in_sequential: bool) -> bool:
    """Takes lists of one input or output of models inside Sequential ones away, in place."""
    if not isinstance(saved, dict) or not isinstance(saved.get("config"), dict):
        return False
    config = saved["config"]
    found = False
    for key in ("input_layers", "output_layers") if in_sequential else ():
        places = config.get(key)
        if isinstance(places, list) and len(places) == 1 and isinstance(places[0], list):
            config[key], found = places[0], True
    inside = saved.get("class_name") == "Sequential"
    layers = config.get("layers")
    changed = [_unwrap(layer, inside) for layer in layers] if isinstance(layers, list) else []
    return found or any(changed)
