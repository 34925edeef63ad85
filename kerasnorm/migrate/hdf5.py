"""Weights in HDF5, in either of Keras 2's two ways."""

from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from kerasnorm.migrate.layer_weights import Named, match_layers
from kerasnorm.migrate.object_weights import H5Cursor, match_objects, refuse_left
from kerasnorm.migrate.plan import Plan
from kerasnorm.migrate.twins import Twin
from kerasnorm.migrate.values import expect


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


def read_h5(file: h5py.File) -> LayerLists | H5Objects:
    """Returns the weights in a file of weights or of a model.

    Raises:
        ValueError: if it has none. Damaged files raise what h5py does.
    """
    group = file.get("model_weights", file)
    if "layer_names" not in group.attrs:
        arrays = read_arrays(file)
        if not arrays:
            raise ValueError("The file holds no weights.")
        return H5Objects(arrays)
    layers = {name: _named(group[name]) for name in _strings(group.attrs, "layer_names")}
    own = group.get("top_level_model_weights")
    return LayerLists(layers, [name for name, _ in _named(own)] if own is not None else [])


def _named(group: h5py.Group) -> Named:
    return [(name, _array(group[name])) for name in _strings(group.attrs, "weight_names")]


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
