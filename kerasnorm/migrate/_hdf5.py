"""Reads weights in HDF5, in both formats of Keras 2."""

import io
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from kerasnorm.migrate._layer_weights import Named, match_layers
from kerasnorm.migrate._object_weights import H5Cursor, match_objects, refuse_left
from kerasnorm.migrate._plan import Plan
from kerasnorm.migrate._twins import Twin
from kerasnorm.migrate._values import expect


@dataclass
class LayerLists:
    """Weights by layers."""

    layers: dict[str, Named]
    others: list[str]

    def match(self, twin: Twin) -> Plan:
        refuse_left(self.others, "The file")
        return match_layers(twin, self.layers)


@dataclass
class H5Objects:
    """Weights by objects, in HDF5."""

    arrays: dict[str, np.ndarray]

    def match(self, twin: Twin) -> Plan:
        return match_objects(twin, H5Cursor(self.arrays), "The file")


def open_h5(content: bytes) -> h5py.File:
    """Opens what an HDF5 file holds, to read.

    Raises:
        ValueError: If its strings are damaged so that libhdf5 would read them for ever (its issue
            1707). Other damage raises what h5py does, now or later.
    """
    begin = content.find(_STRINGS)
    while begin >= 0:
        _check_strings(content, begin)
        begin = content.find(_STRINGS, begin + 1)
    return h5py.File(io.BytesIO(content), "r")


_STRINGS = b"GCOL\1\0\0\0"  # of a global heap collection, version 1


def _check_strings(content: bytes, begin: int) -> None:
    """Walks over the objects of a collection, as libhdf5 does."""
    end = begin + int.from_bytes(content[begin + 8 : begin + 16], "little")
    place, last = begin + 16, min(end, len(content)) - 16
    while place <= last:
        free = content[place : place + 2] == b"\0\0"
        size = int.from_bytes(content[place + 8 : place + 16], "little")
        if free and not size:
            raise ValueError("its strings are damaged.")
        place += size if free else 16 + -(-size // 8) * 8


def read_h5(file: h5py.File) -> LayerLists | H5Objects:
    """Returns the weights in a file of weights or of a model.

    Raises:
        ValueError: If it has none. Damaged files raise what h5py does.
    """
    group = file.get("model_weights", file)
    if "layer_names" not in group.attrs:
        arrays = read_arrays(file)
        if not arrays:
            raise ValueError("The file holds no weights.")
        return H5Objects(arrays)
    layers = {name: _named(group, name) for name in _strings(group.attrs, "layer_names")}
    own = "top_level_model_weights"
    return LayerLists(layers, [name for name, _ in _named(group, own)] if own in group else [])


def _named(group: h5py.Group, layer: str) -> Named:
    if layer not in group:
        raise ValueError(f"Layer '{layer}' has no weights in the file, which names it: damaged.")
    group = group[layer]
    names = _strings(group.attrs, "weight_names")
    for name in names:
        if name not in group:
            raise ValueError(
                f"Layer '{layer}': its weight {name!r} is named in the file and not there: damaged."
            )
    return [(name, _array(group[name])) for name in names]


def read_arrays(file: h5py.File) -> dict[str, np.ndarray]:
    """Returns all arrays of a file by their paths."""
    found = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = _array(item)

    file.visititems(visit)
    return found


def _array(dataset: h5py.Dataset) -> np.ndarray:
    if not isinstance(dataset, h5py.Dataset):
        raise TypeError(f"{dataset.name} should be an array.")
    if dataset.nbytes and not dataset.id.get_storage_size():
        raise TypeError(f"{dataset.name} has no values.")
    return np.asarray(dataset[()])


def _strings(attributes: Any, key: str) -> list[str]:
    """Returns a list of names, which is in several attributes where it is long."""
    keys = [key] if key in attributes else []
    while f"{key}{len(keys)}" in attributes:
        keys.append(f"{key}{len(keys)}")
    if not keys:
        raise KeyError(f"it has no {key}")
    return [read_text(name) for key in keys for name in np.atleast_1d(attributes[key])]


def read_text(value: Any) -> str:
    """Returns the text in an attribute, which older files have as bytes."""
    return value.decode() if isinstance(value, bytes) else expect(str(value), str, "A name")
