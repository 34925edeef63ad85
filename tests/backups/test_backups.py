"""One file, replaced whole; a description of all that decides a training."""

import functools
import math
import os

import keras
import numpy as np
import pytest
from backends import once
from processes import run_in_a_new_process

from kerasnorm._claims import PART, InUseError, claimed
from kerasnorm._files import staged
from kerasnorm.backups import (
    BackupError,
    describe,
    describe_callbacks,
    opened,
    read_state,
    restore_callbacks,
    states_of_callbacks,
    write_state,
)

pytestmark = once
DEAD = 2**22 + 1


def test_a_state_is_read_as_it_was_written(tmp_path):
    state = {
        "a": [1, 2.5, None, True, "é"],
        3: (np.float32(0.5), {"x", "y"}),
        "b": {"c": -np.inf, "d": math.inf},
    }
    write_state(tmp_path / "a.npz", {**state, "d": np.arange(6).reshape(2, 3)})
    found = read_state(tmp_path / "a.npz")
    np.testing.assert_array_equal(found.pop("d"), [[0, 1, 2], [3, 4, 5]])
    assert found == state and [path.name for path in tmp_path.iterdir()] == ["a.npz"]


@pytest.mark.parametrize("place", [0, 0.1, 0.5, 0.9, 0.999])
def test_any_changed_byte_is_seen(tmp_path, place):
    path = tmp_path / "a.npz"
    write_state(path, {"weights": np.zeros(100)})
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1
    path.write_bytes(content)
    with pytest.raises(BackupError, match=r"a\.npz' is damaged: .*remove it to start anew"):
        read_state(path)


def test_no_object_comes_out_of_a_file(tmp_path):
    with pytest.raises(TypeError, match="no place for a Dense"):
        write_state(tmp_path / "a.npz", {"layer": keras.layers.Dense(1)})
    assert list(tmp_path.iterdir()) == []


def predicate(layer, name="head"):
    return layer.name == name


DIFFERENT = {
    "rates": (0.1, 0.2),
    "schedules": [keras.optimizers.schedules.CosineDecay(0.1, steps) for steps in (10, 20)],
    "losses": [keras.losses.CategoricalFocalCrossentropy(gamma=gamma) for gamma in (2, 3)],
    "optimizers": [keras.optimizers.SGD(0.1, momentum) for momentum in (0.0, 0.9)],
    "functions": (lambda layer: layer.name == "head", lambda layer: layer.name == "top"),
    "predicates": [functools.partial(predicate, name=name) for name in ("head", "top")],
    "labels": (np.array([0, 1]), np.array([1, 0])),
    "layers": [keras.layers.Dropout(rate) for rate in (0.1, 0.2)],
    "policies": [keras.layers.Dense(2, dtype=dtype) for dtype in ("float32", "mixed_float16")],
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_differs_is_described_differently(name):
    first, second = map(describe, DIFFERENT[name])
    assert first != second and describe(DIFFERENT[name][0]) == first


def test_equal_things_are_described_equally():
    """Names count on in a process, and seeds are drawn where none are given."""

    def made():
        layers = [keras.layers.RandomFlip(), keras.layers.Dropout(0.2)]
        return keras.Sequential(layers), keras.optimizers.Adam(), keras.losses.MeanSquaredError()

    assert describe(made()) == describe(made())


def test_callbacks_keep_what_they_remember_and_not_what_they_were_told():
    before = keras.callbacks.EarlyStopping("loss", patience=3)
    before.on_train_begin()
    before.wait, before.best, before.best_weights = 2, np.float32(0.5), [np.ones(2)]
    after = keras.callbacks.EarlyStopping("loss", patience=5)
    restore_callbacks([after], states_of_callbacks([before]))
    assert (after.wait, after.best, after.patience) == (2, np.float32(0.5), 5)
    assert describe_callbacks([before]) != describe_callbacks([after])


def test_two_of_a_kind_are_told_apart():
    pair = [keras.callbacks.EarlyStopping("loss") for _ in range(2)]
    pair[0].wait, pair[1].wait = 1, 2
    after = [keras.callbacks.EarlyStopping("loss") for _ in range(2)]
    restore_callbacks(after, states_of_callbacks(pair))
    assert [each.wait for each in after] == [1, 2]


def test_a_folder_is_one_process_s(tmp_path):
    code = """
import sys
from pathlib import Path
from kerasnorm._claims import InUseError
from kerasnorm._files import staged
from kerasnorm.backups import opened
for context in (lambda: staged(Path(sys.argv[1], "run")), lambda: opened(sys.argv[1])):
    try:
        with context():
            print("both")
    except InUseError as error:
        print("refused", sys.argv[2] in str(error))
"""
    with staged(tmp_path / "run"), opened(tmp_path):
        said = run_in_a_new_process(code, tmp_path, os.getpid())
        assert said.split() == ["refused", "True"] * 2
        with pytest.raises(InUseError, match="is in use"), staged(tmp_path / "run"):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_killed_process_holds_nothing(tmp_path):
    code = """
import os, sys
from pathlib import Path
from kerasnorm._claims import claimed
with claimed(Path(sys.argv[1], "run")):
    os._exit(0)
"""
    run_in_a_new_process(code, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".run-lock"]
    with claimed(tmp_path / "run"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_killed_processes_left_is_removed(tmp_path):
    left = [tmp_path / f"{PART}{DEAD}-{name}" for name in ("run", "backup.npz", "features")]
    for path in left:
        path.mkdir()
        (path / "half").write_text("")
    others = tmp_path / f"{PART}{DEAD}-other"
    others.mkdir()
    with opened(tmp_path):
        assert not any(path.exists() for path in left[1:])
    with staged(tmp_path / "run"):
        assert not left[0].exists()
    assert others.exists()
