"""Reads layers models of TensorFlow.js: model.json and the binary files next to it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kerasnorm.migrate._layer_weights import Named, match_flat
from kerasnorm.migrate._plan import Plan
from kerasnorm.migrate._twins import Twin
from kerasnorm.migrate._values import expect

_DTYPES = ("float32", "float16", "int32", "uint8", "uint16", "bool")


@dataclass
class FlatWeights:
    """Weights in one list, by names."""

    named: Named

    def match(self, twin: Twin) -> Plan:
        return match_flat(twin, self.named)


def is_tfjs(fields: dict[str, Any]) -> bool:
    return "modelTopology" in fields or "weightsManifest" in fields


def read_topology(fields: dict[str, Any]) -> dict[str, Any]:
    """Returns the model's class and config, and how it was trained.

    Raises:
        ValueError: If the model has no layers.
    """
    topology = fields.get("modelTopology")
    if fields.get("format") == "graph-model" or not isinstance(topology, dict):
        raise ValueError(
            "It is a graph model of TensorFlow.js, which no longer has layers. Use the Keras "
            "file that it was converted from."
        )
    model = topology.get("model_config", topology)
    return {**expect(model, dict, "A model"), "training": topology.get("training_config")}


def read_shards(fields: dict[str, Any], folder: Path) -> FlatWeights:
    """Reads the weights in the files that model.json names.

    Raises:
        OSError: If one is missing.
        ValueError: If they are damaged, or model.json does not say what is in them.
    """
    named: Named = []
    for group in expect(fields.get("weightsManifest"), list, "`weightsManifest`"):
        group = expect(group, dict, "A group of weights")
        paths = expect(group.get("paths"), list, "The files of weights")
        parts = [_inside(folder, expect(path, str, "A file")).read_bytes() for path in paths]
        named += _split(b"".join(parts), expect(group.get("weights"), list, "Weights"))
    return FlatWeights(named)


def _inside(folder: Path, name: str) -> Path:
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError(f"The file {name!r} of weights is not beside the model's.")
    return folder / name


def _split(content: bytes, entries: list[Any]) -> Named:
    named: Named = []
    place = 0
    for entry in entries:
        entry = expect(entry, dict, "A weight")
        name = expect(entry.get("name"), str, "The name of a weight")
        shape = expect(entry.get("shape"), list, f"The shape of {name!r}")
        if not all(isinstance(size, int) and size >= 0 for size in shape):
            raise ValueError(f"The shape of the weight {name!r} is no shape: {shape}.")
        packed = entry.get("quantization")
        packed = expect(packed, dict, "How weights are rounded") if packed else {}
        dtype = packed.get("dtype", entry.get("dtype", "float32"))
        if dtype not in _DTYPES:
            raise ValueError(f"The weight {name!r} has the dtype {dtype!r}, which is not read.")
        size = int(np.prod(shape, dtype=object)) * np.dtype(dtype).itemsize
        if place + size > len(content):
            raise ValueError(f"The files of weights end before {name!r} does.")
        array = np.frombuffer(content[place : place + size], dtype).reshape(shape)
        if "scale" in packed:
            scale, least = packed["scale"], packed.get("min", 0.0)
            array = (array.astype("float64") * scale + least).astype("float32")
        named.append((name, array))
        place += size
    if place != len(content):
        raise ValueError("The files of weights hold more than the model's file names.")
    return named
