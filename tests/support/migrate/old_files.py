"""The files that TensorFlow Addons wrote, and what it computed of them.

`tests/addons` makes both; there is no TensorFlow Addons here.
"""

import pathlib
import zipfile

import keras
import numpy as np

GOLDEN = pathlib.Path(__file__).parents[2] / "golden" / "migrate"
RATE = 0.05


def _names(archive):
    with zipfile.ZipFile(archive) as file:
        return {name.partition("/")[0] for name in file.namelist()}


_CONTENT = {path.stem: _names(path) for path in sorted(GOLDEN.glob("*.zip"))}
NAMES = [name for name, files in _CONTENT.items() if f"{name}.npz" in files]
REFUSED = [name for name in _CONTENT if name not in NAMES]
MODEL_FILES = [
    file
    for name in NAMES
    for file in (f"{name}.h5", f"{name}.keras", name)  # the last one is a SavedModel
    if file in _CONTENT[name]
]


class Golden:
    """What TensorFlow Addons computed of a model; structures are flat lists."""

    def __init__(self, folder, name):
        with np.load(folder / f"{name}.npz") as file:
            arrays = dict(file)
        self.hashes = {k.split()[1]: str(v) for k, v in arrays.items() if k.startswith("sha256")}
        self.losses = arrays.pop("losses", None)
        self.x, self.y, self.t, self.z = (
            [arrays[f"{letter}{k}"] for k in range(sum(key[0] == letter for key in arrays))]
            for letter in "xytz"
        )


def unpack(name, folder):
    """Unpacks the files of a model, or of one of its files."""
    with zipfile.ZipFile(GOLDEN / f"{name.partition('.')[0]}.zip") as archive:
        archive.extractall(folder)


def run(model, x):
    """Returns what a model computes of a flat list of inputs, as a flat list."""
    outputs = keras.tree.flatten(model(structured(model, "input", x)))
    return [keras.ops.convert_to_numpy(y).astype("float32") for y in outputs]


def structured(model, side, arrays):
    """Returns a flat list of arrays as a model takes its inputs or gives its outputs."""
    if isinstance(model, keras.Sequential):
        return arrays[0]
    return keras.tree.pack_sequence_as(getattr(model, side), arrays)


def difference(some, others):
    """Returns the largest difference between two flat lists of arrays."""
    return max(
        float(np.max(np.abs(a.astype("float64") - b), initial=0.0))
        for a, b in zip(some, others, strict=True)
    )


def train(model, golden):
    """Makes the steps that TensorFlow Addons made; returns the losses."""
    model.compile(keras.optimizers.SGD(RATE), "mse")
    x, t = structured(model, "input", golden.x), structured(model, "output", golden.t)

    def step():
        model.reset_metrics()  # Keras 3.12 returns the mean of all batches since then
        return float(np.ravel(model.train_on_batch(x, t))[0])

    return [step() for _ in golden.losses]
