"""Damaged files: either the model or a ValueError, and never anything else."""

import io
import json
import random
import zipfile

import h5py
import numpy as np
import pytest
from migrate.old_files import GOLDEN

from kerasnorm.migrate import load_tfa_model, load_tfa_weights
from kerasnorm.migrate.protobuf import read_object_graph, read_root_metadata

pytestmark = pytest.mark.filterwarnings("ignore")
WRONG = (None, True, -1, 10**6, 0.5, "", "x", [], {}, [[]], {"class_name": "x"}, [None, 3, 3])


def stored(file):
    with zipfile.ZipFile(GOLDEN / f"{file.partition('.')[0]}.zip") as archive:
        return archive.read(file)


def opens_or_refuses(load, *arguments):
    try:
        load(*arguments)
    except ValueError as error:
        assert str(error)
        return False
    return True


def mutations(content, count):
    """Yields a file cut short, and with bytes changed, at seeded places."""
    dice = random.Random(0)
    for index in range(count):
        damaged = bytearray(content)
        if index % 2:
            damaged = damaged[: dice.randrange(len(damaged))]
        else:
            for _ in range(dice.choice((1, 4, 64))):
                damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        yield bytes(damaged)


@pytest.mark.parametrize("file", ["instance.h5", "instance.keras"])
def test_bytes_of_a_file(file, tmp_path):
    path = tmp_path / file
    opened = []
    for content in mutations(stored(file), 100):
        path.write_bytes(content)
        opened.append(opens_or_refuses(load_tfa_model, path))
    assert not all(opened)


@pytest.mark.parametrize("part", ["metadata", "index", "data"])
def test_bytes_of_a_saved_model(part, old):
    folder = old("weight_norm")
    path = {
        "metadata": folder / "keras_metadata.pb",
        "index": folder / "variables" / "variables.index",
        "data": folder / "variables" / "variables.data-00000-of-00001",
    }[part]
    for content in mutations(path.read_bytes(), 30):
        path.write_bytes(content)
        opens_or_refuses(load_tfa_model, folder)


@pytest.mark.parametrize("read", [read_root_metadata, read_object_graph])
def test_bytes_of_a_message(read):
    for content in mutations(stored_metadata(), 300):
        opens_or_refuses(read, content)


def stored_metadata():
    with zipfile.ZipFile(GOLDEN / "weight_norm.zip") as archive:
        return archive.read("weight_norm/keras_metadata.pb")


def places(value, path=()):
    """Yields the ways to everything in a JSON value."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items if isinstance(value, (dict, list)) else ():
        yield from places(item, (*path, key)) if isinstance(item, (dict, list)) else [(*path, key)]


def changed(config, dice):
    """Returns a config with a wrong value, or without one, at a random place."""
    config = json.loads(json.dumps(config))
    *way, last = dice.choice(list(places(config)))
    holder = config
    for key in way:
        holder = holder[key]
    if dice.random() < 0.2:
        del holder[last]
    else:
        holder[last] = dice.choice(WRONG)
    return config


@pytest.mark.parametrize("file", ["instance.h5", "shared.h5", "response.h5", "recurrent.h5"])
def test_values_in_an_architecture(file, tmp_path):
    dice = random.Random(0)
    path = tmp_path / file
    for _ in range(30 if file != "recurrent.h5" else 15):
        path.write_bytes(stored(file))
        with h5py.File(path, "r+") as h5:
            config = changed(json.loads(h5.attrs["model_config"]), dice)
            h5.attrs["model_config"] = json.dumps(config)
        opens_or_refuses(load_tfa_model, path)


def test_values_in_a_keras_file(tmp_path):
    dice = random.Random(0)
    for _ in range(30):
        with zipfile.ZipFile(io.BytesIO(stored("group.keras"))) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        name = dice.choice(["config.json", "config.json", "config.json", "metadata.json"])
        parts[name] = json.dumps(changed(json.loads(parts[name]), dice)).encode()
        with zipfile.ZipFile(tmp_path / "x.keras", "w") as archive:
            for name, content in parts.items():
                archive.writestr(name, content)
        opens_or_refuses(load_tfa_model, tmp_path / "x.keras")


def test_arrays_of_another_kind(old):
    path = old("instance.h5")
    model = load_tfa_model(path)
    before = model.get_weights()
    with h5py.File(path, "r+") as file:
        del file["model_weights/conv2d/conv2d/kernel:0"]
        file["model_weights/conv2d/conv2d/kernel:0"] = np.array(["text"] * 3, "S4")
    with pytest.raises(ValueError, match="'conv2d'"):
        load_tfa_weights(model, path)
    for new, value in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(new, value)
