"""A training that is broken off and called again."""

import functools

import keras
import numpy as np
import pytest
from backends import once
from keras import layers, ops
from processes import SUPPORT, run_in_a_new_process

from kerasnorm.transfer import fine_tune

pytestmark = pytest.mark.usefixtures("without_tracing")

X = np.random.default_rng(0).normal(size=(40, 6)).astype("float32")
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)


def source():
    keras.utils.set_random_seed(3)
    body = [layers.Dense(8, "relu", name="low"), layers.BatchNormalization(), layers.Dropout(0.3)]
    return keras.Sequential([keras.Input((6,)), *body, layers.Dense(3, name="head")])


class Break(keras.callbacks.Callback):
    """Breaks off in a batch of the k-th epoch of all."""

    def __init__(self, epoch):
        super().__init__()
        self.epochs = epoch

    def on_epoch_begin(self, epoch, logs=None):
        self.epochs -= 1

    def on_train_batch_end(self, batch, logs=None):
        if self.epochs < 0:
            raise KeyboardInterrupt


def run(backup_dir=None, callbacks=(), **kwargs):
    arguments = {"head_epochs": 2, "epochs": 2, "decay": 0.5, "seed": 5, "batch_size": 16, **kwargs}
    return fine_tune(
        source(),
        (X, Y),
        (X, Y),
        backup_dir=backup_dir,
        callbacks=callbacks,
        jit_compile=False,
        verbose=0,
        **arguments,
    )


def values(model):
    return [ops.convert_to_numpy(weight) for weight in model.weights]


@pytest.fixture(scope="module")
def undisturbed():
    """Returns a run that nothing happens to, by `cache`."""
    return functools.cache(lambda cache: run(cache=cache))


@pytest.mark.parametrize(("breaks", "cache"), [((1, 1, 1), True), ((1,), False)], ids=str)
def test_ends_as_if_nothing_had_happened(breaks, cache, tmp_path, undisturbed):
    """Broken off in the first phase, at the beginning of the second, and in it."""
    for epoch in breaks:
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "backup", [Break(epoch)], cache=cache)
    result, expected = run(tmp_path / "backup", cache=cache), undisturbed(cache)
    for a, b in zip(values(result.model), values(expected.model), strict=True):
        np.testing.assert_array_equal(a, b)
    assert result.history == expected.history
    assert not (tmp_path / "backup").exists()


KILLED = """
import os, sys
sys.path[:0] = sys.argv[2:]
import test_fine_tune_resumed as test

class Kill(test.Break):
    def on_train_batch_end(self, batch, logs=None):
        if self.epochs < 0:
            os._exit(0)

test.run(sys.argv[1], [Kill(3)], cache=True)
"""


@once
def test_a_killed_process(tmp_path, request, undisturbed):
    here = request.path.parent
    run_in_a_new_process(KILLED, tmp_path / "backup", here, SUPPORT)
    assert (tmp_path / "backup" / "backup.npz").exists()
    result, expected = run(tmp_path / "backup", cache=True), undisturbed(True)
    for a, b in zip(values(result.model), values(expected.model), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@once
def test_other_arguments_are_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("stays")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, [Break(1)], head_epochs=1, epochs=1)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match=r"began with epochs=\[1, 1\].*Received: epochs=\[1, 2\]"):
        run(tmp_path, head_epochs=1, epochs=2)
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert before == after
    run(tmp_path, head_epochs=1, epochs=1)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
