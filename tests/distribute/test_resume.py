"""Training that is broken off and taken up again, and backups that are not as they should be."""

import errno
import os
import shutil

import keras
import numpy as np
import pytest
from at_step import AtStep
from distribute.cases import CLASSES, Crossentropy, data, difference
from replicas import replicas

from kerasnorm.distribute import prepare, resume_callbacks

EPOCHS, BATCH, STEPS = 3, 7, 3  # batches of 7, 7 and 5 examples
TRACING_COSTS = keras.config.backend() != "jax"


def also(*values):
    """Returns values of a parameter that `make test-distributed` tries besides."""
    return [pytest.param(value, marks=pytest.mark.distributed) for value in values]


class BrokenOffError(Exception):
    """What stands for a kill."""


def break_off():
    raise BrokenOffError


def as_it_is(model):
    return model


def train(folder, step=0, units=8, cls=as_it_is, shuffle=False):
    """Trains with backups, and breaks off at a step."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(units), keras.layers.Dropout(0.3), keras.layers.Dense(CLASSES)]
    model = cls(keras.Sequential([keras.Input((6,)), *layers]))
    loss = Crossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, run_eagerly=TRACING_COSTS, jit_compile=False)
    callbacks = [*resume_callbacks(folder), AtStep(step, break_off)]
    try:
        model.fit(*data(), BATCH, EPOCHS, 0, callbacks, shuffle=shuffle)
    except BrokenOffError:
        return None
    return model


def backups(folder):
    return sorted(path.name for path in folder.glob("worker-0/*"))


@pytest.fixture(scope="module")
def broken_off(tmp_path_factory):
    """A folder of backups: training was broken off in its third epoch."""
    folder = tmp_path_factory.mktemp("broken") / "backup"
    assert train(folder, 8) is None
    return folder


@pytest.fixture
def backup(broken_off, tmp_path):
    """A copy of it, to be spoilt."""
    return shutil.copytree(broken_off, tmp_path / "backup")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return train(tmp_path_factory.mktemp("whole")).get_weights()


@pytest.mark.parametrize("step", [8, *also(1, 3, 9)])
def test_it_ends_as_if_it_had_not_been_broken_off(tmp_path, whole, step):
    folder = tmp_path / "backup"
    assert train(folder, step) is None
    assert len(backups(folder)) == (step - 1) // STEPS
    model = train(folder)
    assert difference(model.get_weights(), whole) == 0
    assert not folder.exists()
    assert len(model.history.history["loss"]) == EPOCHS - (step - 1) // STEPS
    model.fit(*data(), BATCH, 2, 0)  # not only what is left of an earlier training
    assert len(model.history.history["loss"]) == 2


def spoil(path, how):
    content = bytearray(path.read_bytes())
    if how == "cut":
        content = content[: len(content) // 2]
    elif how == "emptied":
        content = b""
    else:
        content[len(content) // 3] ^= 255
    path.write_bytes(content)


@pytest.mark.parametrize("how", ["cut", *also("emptied", "changed")])
def test_a_damaged_backup_costs_an_epoch(backup, whole, how):
    spoil(backup / "worker-0/epoch-000001.npz", how)
    with pytest.warns(UserWarning, match=r"skipped: .*epoch-000001.*resumes after epoch 0"):
        model = train(backup)
    assert difference(model.get_weights(), whole) == 0


def test_only_damaged_backups_are_an_error_and_stay(backup):
    for path in backup.glob("worker-0/*"):
        spoil(path, "cut")
    before = backups(backup)
    assert len(before) == 2
    with pytest.raises(ValueError, match=r"No backup can be read: .*Bring one back, or remove"):
        train(backup)
    assert backups(backup) == before


def test_backups_of_another_model_are_an_error_and_stay(backup):
    before = backups(backup)
    assert len(before) == 2
    with pytest.raises(ValueError, match="are of another model"):
        train(backup, units=9)
    assert backups(backup) == before


def test_a_full_disk_keeps_what_was_written(tmp_path, whole, monkeypatch):
    """Half of the third backup is written when the disk is full."""
    real, written = np.savez, []

    def savez(file, **arrays):
        written.append(file)
        if len(written) == 3:
            file.write(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(file, **arrays)

    monkeypatch.setattr(np, "savez", savez)
    with pytest.raises(OSError, match=r"epoch 2 cannot be written.*No space left on device"):
        train(tmp_path)
    monkeypatch.undo()
    assert backups(tmp_path) == ["epoch-000000.npz", "epoch-000001.npz"]
    assert difference(train(tmp_path).get_weights(), whole) == 0


@pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="Keras shuffles elsewhere")
@pytest.mark.parametrize("count", [1, pytest.param(2, marks=pytest.mark.distributed)])
def test_shuffled_arrays_on_replicas(tmp_path, count):
    import tensorflow as tf

    strategy = replicas(2) if count == 2 else tf.distribute.get_strategy()
    settings = {"cls": lambda model: prepare(model, strategy), "shuffle": True}
    whole = train(tmp_path / "whole", **settings)
    assert train(tmp_path / "broken", 8, **settings) is None
    model = train(tmp_path / "broken", **settings)
    assert difference(model.get_weights(), whole.get_weights()) == 0


def test_a_model_without_weights_is_refused_at_once(tmp_path):
    model = keras.Sequential([keras.layers.Dense(CLASSES)])
    model.compile("sgd", Crossentropy(from_logits=True), run_eagerly=TRACING_COSTS)
    if keras.config.backend() != "tensorflow":
        pytest.skip("JAX and torch build the model before callbacks are asked")
    with pytest.raises(ValueError, match="has no weights yet"):
        model.fit(*data(), verbose=0, callbacks=resume_callbacks(tmp_path))


def test_another_optimizer_is_refused_with_what_differs(backup, monkeypatch):
    monkeypatch.setattr(keras.optimizers, "Adam", keras.optimizers.SGD)
    with pytest.raises(ValueError, match=r"began with optimizer\.class='[\w.]*Adam'"):
        train(backup)
