"""Damaged files of old models: either a model or an error that names the layer or the file."""

import io
import json
import zipfile

import h5py
import keras
import numpy as np
import pytest
from fuzz.mutations import changed_bytes, changed_value, dice_for, in_time, refusal
from migrate.old_files import GOLDEN, MODEL_FILES, unpack

from kerasnorm.cli import main
from kerasnorm.migrate import load_tfa_model, load_tfa_weights
from kerasnorm.migrate._protobuf import read_object_graph, read_root_metadata

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="told on one backend"),
]
SMALL = {"instance", "group", "shared", "response", "recurrent", "mixed", "weight_norm", "states"}
H5, KERAS, FOLDERS = (
    [name for name in MODEL_FILES if name.partition(".")[0] in SMALL and name.endswith(ending)]
    for ending in (".h5", ".keras", tuple(SMALL))
)
SAVED = (  # the last one's damage is seldom more than another number, and loads in full
    *("keras_metadata.pb",) * 3,
    *("variables/variables.index",) * 3,
    "variables/variables.data-00000-of-00001",
)


def stored(file):
    with zipfile.ZipFile(GOLDEN / f"{file.partition('/')[0].partition('.')[0]}.zip") as archive:
        return archive.read(file)


def loads(path):
    model = load_tfa_model(path)
    assert isinstance(model, keras.Model) and model.built


@pytest.mark.parametrize("endings", [H5, KERAS], ids=["h5", "keras"])
def test_bytes_of_a_file(endings, tmp_path):
    refused = 0
    for dice in dice_for(50):
        path = tmp_path / f"x.{'h5' if endings is H5 else 'keras'}"
        path.write_bytes(changed_bytes(stored(dice.choice(endings)), dice))
        refused += refusal(loads, path) is not None
    assert refused


def test_bytes_of_a_saved_model(tmp_path):
    for name in FOLDERS:
        unpack(name, tmp_path)
    folders = {name: tmp_path / name for name in FOLDERS}
    for dice in dice_for(40):
        name = dice.choice(FOLDERS)
        path = folders[name] / dice.choice(SAVED)
        path.write_bytes(changed_bytes(path.read_bytes(), dice))
        refusal(loads, folders[name])
        path.write_bytes(stored(str(path.relative_to(folders[name].parent))))


@pytest.mark.parametrize("read", [read_root_metadata, read_object_graph])
def test_bytes_of_a_message(read):
    content = stored("weight_norm/keras_metadata.pb")
    for dice in dice_for(300):
        refusal(read, changed_bytes(content, dice), says="")


def with_changed_values(path, dice):
    """Writes an .h5 file with other values in its architecture; returns its path."""
    path.write_bytes(stored(dice.choice(H5)))
    with h5py.File(path, "r+") as h5:
        config = changed_value(json.loads(h5.attrs["model_config"]), dice)
        h5.attrs["model_config"] = json.dumps(config)
    return path


def test_values_in_an_architecture(tmp_path):
    for dice in dice_for(45):
        refusal(loads, with_changed_values(tmp_path / "x.h5", dice))


def test_values_in_a_keras_file(tmp_path):
    for dice in dice_for(40):
        with zipfile.ZipFile(io.BytesIO(stored(dice.choice(KERAS)))) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        name = dice.choice(["config.json", "config.json", "config.json", "metadata.json"])
        parts[name] = json.dumps(changed_value(json.loads(parts[name]), dice)).encode()
        if dice.random() < 0.1:
            del parts[dice.choice(list(parts))]
        with zipfile.ZipFile(tmp_path / "x.keras", "w") as archive:
            for name, content in parts.items():
                archive.writestr(name, content)
        refusal(loads, tmp_path / "x.keras")


def _changed_arrays(h5, dice):
    """Leaves out, replaces or renames an array or a list of names."""
    found = []
    h5.visit(found.append)
    name = dice.choice(found)
    item = h5[name]
    if dice.random() < 0.3 and len(item.attrs):
        key = dice.choice(list(item.attrs))
        item.attrs[key] = dice.choice((b"x", "é", 3, [b"a", b"a"], [b"\xff"], np.zeros((2, 2)), []))
        return
    match dice.randrange(3):
        case 0:
            del h5[name]
        case 1:
            h5.move(name, f"{name}x")
        case 2:
            del h5[name]
            kind = dice.choice(("S4", "bool", "f2", "f8", "c8", "i8", "nothing"))
            shape = dice.choice(((), (0,), (3,), (1, 1), (3, 3, 1, 4), (1, 2, 3, 4, 5)))
            if kind == "nothing":
                h5.create_dataset(name, (10**6, 10**6), "f4", chunks=(10, 10))
            else:
                h5[name] = np.zeros(shape, kind)


def test_arrays_of_an_h5_file(tmp_path):
    path, models = tmp_path / "x.h5", {}
    for dice in dice_for(60):
        file = dice.choice(H5)
        path.write_bytes(stored(file))
        if file not in models:
            models[file] = load_tfa_model(path)
        model = models[file]
        before = model.get_weights()
        with h5py.File(path, "r+") as h5:
            _changed_arrays(h5, dice)
        if refusal(load_tfa_weights, model, path):
            for new, value in zip(model.get_weights(), before, strict=True):
                np.testing.assert_array_equal(new, value)


def test_the_command_writes_whole_files_or_none(tmp_path, capsys):
    for dice in dice_for(10):
        path, new = tmp_path / "old.h5", tmp_path / "new.keras"
        with_changed_values(path, dice)
        with in_time():
            code = main(["migrate", str(path), str(new)])
        if code == 0:
            keras.saving.load_model(new)
            new.unlink()
        else:
            assert capsys.readouterr().err.splitlines()[-1].startswith("kerasnorm: error: ")
        assert [each.name for each in tmp_path.iterdir()] == ["old.h5"]
