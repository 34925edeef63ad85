"""The committed files of old models are what TensorFlow Addons writes and computes."""

import json
import os
import zipfile

import h5py
import numpy as np
import pytest
from old_files import GOLDEN, REFUSED, SAVED_MODELS, WEIGHT_FILES, archive_bytes, write
from old_models import MODELS

EVERY = [*MODELS, *REFUSED]


@pytest.mark.parametrize("name", EVERY)
def test_files_are_what_addons_writes(name, tmp_path):
    if os.environ.get("REGENERATE"):
        GOLDEN.mkdir(exist_ok=True)
        write(name, GOLDEN)
        return
    write(name, tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names <= {path.name for path in GOLDEN.iterdir()}
    for file in sorted(names):
        new, old = content(tmp_path / file), content(GOLDEN / file)
        assert new.keys() == old.keys()
        for key, value in new.items():
            if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                np.testing.assert_allclose(value, old[key], rtol=1e-3, atol=1e-4, err_msg=key)
            else:
                np.testing.assert_array_equal(value, old[key], err_msg=key)


def test_every_file_is_of_a_model():
    stems = {path.name.partition(".")[0] for path in GOLDEN.iterdir()}
    weights = {f"{name}_{kind}" for name in WEIGHT_FILES for kind in ("only", "checkpoint")}
    assert stems == {*EVERY, *weights} and {*SAVED_MODELS, *WEIGHT_FILES} <= {*MODELS}


def content(path):
    """Returns arrays and texts by name, without dates and what else differs between two runs."""
    if path.suffix == ".npz":
        with np.load(path) as file:
            return {key: value for key, value in file.items() if not key.startswith("sha256")}
    if path.suffix == ".h5":
        return hdf5(path)
    if path.suffix == ".keras":
        config = json.load(archive_bytes(path, "config.json"))
        return {"config": stable(config), **hdf5(archive_bytes(path, "model.weights.h5"))}
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return {"names": sorted(archive.namelist())}
    return {}  # of a checkpoint: its values are those of the other files


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
    """Returns a config as text; the code of a lambda has the path of its source in it."""
    text = json.dumps(config, sort_keys=True)
    return text if '"Lambda"' not in text else "a Lambda layer"
