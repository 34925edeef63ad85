"""The committed files of old models are what TensorFlow Addons writes and computes."""

import io
import json
import os
import re
import zipfile

import h5py
import numpy as np
import pytest
from old_files import GOLDEN, pack, write
from old_models import MODELS, REFUSED

EVERY = [*MODELS, *REFUSED]


@pytest.mark.parametrize("name", EVERY)
def test_files_are_what_addons_writes(name, tmp_path):
    new, old = tmp_path / "new", tmp_path / "old"
    new.mkdir()
    write(name, new)
    if os.environ.get("REGENERATE"):
        GOLDEN.mkdir(exist_ok=True)
        pack(new, GOLDEN / f"{name}.zip")
        return
    with zipfile.ZipFile(GOLDEN / f"{name}.zip") as archive:
        archive.extractall(old)
    files = files_in(new)
    assert files == files_in(old)
    for file in files:
        compare(content(new / file), content(old / file))


def test_every_file_is_of_a_model():
    assert {path.stem for path in GOLDEN.iterdir()} == {*EVERY}


def files_in(folder):
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def compare(new, old):
    assert new.keys() == old.keys()
    for key, value in new.items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            np.testing.assert_allclose(value, old[key], rtol=1e-3, atol=1e-4, err_msg=key)
        else:
            np.testing.assert_array_equal(value, old[key], err_msg=key)


def content(path):
    """Returns arrays and texts by name, without dates and what else differs between two runs."""
    if path.suffix == ".npz":
        with np.load(path) as file:
            return {key: value for key, value in file.items() if not key.startswith("sha256")}
    if path.suffix == ".h5":
        return hdf5(path)
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            config = stable(json.loads(archive.read("config.json")))
            return {"config": config, **hdf5(io.BytesIO(archive.read("model.weights.h5")))}
    return {}  # of SavedModels and checkpoints: their values are those of the other files


def hdf5(source):
    found = {}
    with h5py.File(source) as file:
        for key in ("model_config", "training_config"):
            if key in file.attrs:
                found[key] = stable(json.loads(file.attrs[key]))
        file.visititems(lambda name, item: found.update(value(name, item)))
    return found


def value(name, item):
    return {name: item[()]} if isinstance(item, h5py.Dataset) else {name: sorted(item.keys())}


def stable(config):
    """Returns a config as text, without addresses; a lambda's code has that of its source in it."""
    text = re.sub(r', "shared_object_id": \d+', "", json.dumps(config, sort_keys=True))
    return text if '"Lambda"' not in text else "a Lambda layer"
