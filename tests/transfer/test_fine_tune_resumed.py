"""A training that is broken off and called again."""

import functools
import shutil

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


@pytest.mark.distributed
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


class Only(keras.losses.Loss):
    """A loss with settings of its own."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, y_true, y_pred):
        loss = keras.losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)
        return self.factor * loss

    def get_config(self):
        return {"factor": self.factor}


def rate(steps):
    return keras.optimizers.schedules.CosineDecay(0.01, steps)


def rows(step):
    return lambda epoch: np.arange(0, 40, step)


def scaled(model, factor=2.0):
    model.set_weights([factor * weight for weight in model.get_weights()])
    return model


BEGAN = {
    "learning_rate": rate(20),
    "base_learning_rate": 1e-3,
    "until": lambda layer: layer.name == "low",
    "decay": None,
    "loss": Only(1.0),
    "optimizer": keras.optimizers.SGD(momentum=0.9),
    "sampler": rows(2),
    "class_weight": {0: 1.0, 1: 2.0, 2: 1.0},
}
CHANGED = {
    "a schedule": ({"learning_rate": rate(30)}, "learning_rate.config.decay_steps=20"),
    "a predicate": ({"until": lambda layer: layer.name <= "low"}, r"until\.code="),
    "a loss": ({"loss": Only(2.0)}, r"loss\.config\.factor=1"),
    "an optimizer": ({"optimizer": keras.optimizers.SGD(momentum=0.8)}, "momentum=0.9"),
    "sampling": ({"sampler": rows(4)}, r"train\.order="),
    "weights": ({"class_weight": {0: 1.0, 1: 3.0, 2: 1.0}}, r"class_weight\.1=2"),
    "batch norm": ({"batchnorm": "train"}, "batchnorm='inference'"),
    "a seed": ({"seed": 6}, "seed=5"),
    "early stopping": ({"callbacks": [keras.callbacks.EarlyStopping("loss")]}, r"callbacks=\[\]"),
}


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """The folder of a training with all of that, interrupted in its second phase."""
    folder = tmp_path_factory.mktemp("begun") / "backup"
    with pytest.raises(KeyboardInterrupt):
        run(folder, [Break(3)], **BEGAN)
    return folder


@once
@pytest.mark.parametrize("what", CHANGED)
def test_another_training_is_refused_with_what_differs(what, begun):
    changed, said = CHANGED[what]
    before = (begun / "backup.npz").read_bytes()
    with pytest.raises(ValueError, match=f"began with .*{said}"):
        run(begun, **{**BEGAN, **changed})
    assert (begun / "backup.npz").read_bytes() == before


@once
@pytest.mark.parametrize(
    ("what", "name"),
    [("x", r"train\.x\."), ("y", r"train\.labels\."), ("start", r"model\.weights=")],
)
def test_other_data_and_other_weights_are_refused(what, name, begun, monkeypatch):
    if what == "start":
        monkeypatch.setattr(f"{__name__}.source", lambda built=source: scaled(built()))
    else:
        changed = {"x": X, "y": Y}[what].copy()
        changed[0] = 1 - changed[0]
        monkeypatch.setattr(f"{__name__}.{what.upper()}", changed)
    with pytest.raises(ValueError, match=f"began with .*{name}"):
        run(begun, **BEGAN)


@once
def test_schedules_and_predicates_go_on(begun, tmp_path):
    """They are equal in another process, though their addresses are not."""
    again = {**BEGAN, "learning_rate": rate(20), "until": lambda layer: layer.name == "low"}
    copy = shutil.copytree(begun, tmp_path / "backup")
    result, expected = run(copy, **again), run(**BEGAN)
    for a, b in zip(values(result.model), values(expected.model), strict=True):
        np.testing.assert_array_equal(a, b)
    assert result.history == expected.history


def patient():
    return [
        keras.callbacks.ReduceLROnPlateau("val_loss", 0.5, patience=1, min_delta=10),
        keras.callbacks.EarlyStopping("val_loss", 10, patience=3, restore_best_weights=True),
    ]


@pytest.mark.parametrize("at", [3, 5])
def test_callbacks_go_on_with_their_patience(at, tmp_path):
    """No epoch is better by ten than the one before: the rate falls in each, the third is last."""
    settings = {"head_epochs": 0, "epochs": 8, "seed": None, "decay": None}
    keras.utils.set_random_seed(0)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "backup", [*patient(), Break(at - 2)], **settings)
    callbacks = patient()
    result = run(tmp_path / "backup", callbacks, **settings)
    assert len(result.history["loss"]) == 4 and callbacks[1].stopped_epoch == 3
    assert result.history["learning_rate"] == pytest.approx([1e-4, 1e-4, 5e-5, 2.5e-5])
