"""Recognizes files that are no Keras models by their first bytes, and says what to do."""

import json
import zipfile
from pathlib import Path
from typing import Any

_NEEDED = "Use the .h5, .keras, SavedModel or checkpoint that Keras wrote."
_CODE = "whose opening could run code"
_BEGINNINGS = {
    b"\x80": f"a pickle, of PyTorch or scikit-learn perhaps, {_CODE}. {_NEEDED}",
    b"\x93NUMPY": f"an array of NumPy. {_NEEDED}",
    b"\x1f\x8b": "compressed by gzip. Unpack it first.",
    b"version https://git-lfs": "a pointer of Git LFS. Run `git lfs pull` where it came from.",
    b"model_checkpoint_path": (
        "the list of a folder's checkpoints. Give `load_tfa_weights` the prefix of one: the "
        "names of its files up to `.index`."
    ),
    b"<!DOCTYPE": "a page of the web: the download has failed.",
    b"<html": "a page of the web: the download has failed.",
}
_CHECKPOINT = (
    "a part of a checkpoint. Build the model and give `load_tfa_weights` the prefix: the name up "
    "to `.index` or `.data`."
)
_GRAPH = (
    "a graph of TensorFlow, frozen perhaps, which has no layers any more. Use the Keras file that "
    "it was made of, or run it with `tf.graph_util.import_graph_def`."
)


def refuse_other(content: bytes, path: Path) -> None:
    """Raises ValueError if a file is none of Keras, but one that is known."""
    kind = _kind(content, path)
    if kind:
        raise ValueError(f"{str(path)!r} is {kind}")


def _kind(content: bytes, path: Path) -> str | None:
    lines = (text for beginning, text in _BEGINNINGS.items() if content.startswith(beginning))
    known = next(lines, None)
    if known:
        return known
    if content[4:8] == b"TFL3":
        return f"a model of TensorFlow Lite, which has no layers any more. {_NEEDED}"
    if content[-8:] == b"\x57\xfb\x80\x8b\x24\x75\x47\xdb" or ".data-" in path.suffix:
        return _CHECKPOINT
    if path.name in ("saved_model.pb", "keras_metadata.pb"):
        return f"a part of a SavedModel. Give the folder that it is in: {str(path.parent)!r}."
    if content[:1] == b"\n" and (b"\x12\x05Const" in content or b"\x12\x0bPlaceholder" in content):
        return _GRAPH
    if path.suffix == ".onnx":
        return f"a model of ONNX, which has no layers of Keras. {_NEEDED}"
    if content[8:10] in (b'{"', b"{ ") and path.suffix == ".safetensors":
        return f"a file of safetensors: weights, and not of Keras. {_NEEDED}"
    return None


def refuse_other_zip(archive: zipfile.ZipFile, path: Path) -> None:
    """Raises ValueError if a zip archive is no .keras file, but another that is known."""
    names = archive.namelist()
    if "metadata.json" in names or "config.json" in names:
        return
    if any(name.endswith("data.pkl") for name in names):
        raise ValueError(f"{str(path)!r} is a model of PyTorch, {_CODE}. {_NEEDED}")
    if any(name.endswith(".npy") for name in names):
        raise ValueError(f"{str(path)!r} is an archive of NumPy's arrays. {_NEEDED}")
    inside = [n for n in names if n.endswith((".h5", ".hdf5", ".keras", "saved_model.pb"))]
    if inside:
        raise ValueError(f"{str(path)!r} is a zip archive. Unpack it: {inside[0]!r} is inside.")


def refuse_keras_3(version: Any, path: Path) -> None:
    """Raises ValueError if a file says that it is of Keras 3."""
    if isinstance(version, str) and version.startswith("3."):
        raise ValueError(
            f"{str(path)!r} is of Keras {version}. Load it with `keras.saving.load_model`."
        )


def refuse_keras_1(architecture: str) -> None:
    """Raises ValueError for the text of an architecture that is Keras 1's.

    Its layers have other arguments: `W_regularizer` is of Dense and all convolutions.
    """
    if '"W_regularizer"' in architecture or '"nb_filter"' in architecture:
        raise ValueError(
            "It is of Keras 1, whose layers have other arguments. Load it with Keras 2 (2.2.5 with "
            "TensorFlow 1.15, in Python 3.7), and save it again: that file is read here."
        )


def is_of_keras_3(architecture: Any) -> bool:
    """Returns whether the JSON of a model is Keras 3's."""
    text = json.dumps(architecture)
    return '"keras_history"' in text or '"batch_shape"' in text
