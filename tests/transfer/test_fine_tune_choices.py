"""Which examples are drawn, whose weights are kept, and what trains when."""

import keras
import numpy as np
import pytest
from backends import once
from keras import layers, ops

from kerasnorm.data._order import shuffled
from kerasnorm.data._stored_batches import StoredBatches
from kerasnorm.imbalance import resample
from kerasnorm.transfer import fine_tune
from kerasnorm.transfer.fine_tuning._best_weights import BestWeights

pytestmark = pytest.mark.usefixtures("without_tracing")

X = np.random.default_rng(0).normal(size=(40, 6)).astype("float32")
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
QUICK = {"jit_compile": False, "verbose": 0, "seed": 1, "batch_size": 16}


def source():
    keras.utils.set_random_seed(3)
    body = [layers.Dense(8, "relu", name="low"), layers.Dense(8, "relu", name="middle")]
    return keras.Sequential([keras.Input((6,)), *body, layers.Dense(3, name="head")])


def values(model):
    return [ops.convert_to_numpy(weight) for weight in model.weights]


def weights_by_layer(model):
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}


def same(ours, theirs):
    return all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize(
    ("strategy", "cache"), [("freeze", True), ("freeze", False), ("fine_tune", True)]
)
def test_a_sampler_is_training_on_the_rows_that_it_draws(strategy, cache):
    def sampler(epoch):
        return np.random.default_rng(epoch).choice(40, 20)

    way = {"strategy": strategy, "head_epochs": 1, "epochs": 0, "cache": cache, **QUICK}
    if strategy == "fine_tune":
        way |= {"head_epochs": 0, "epochs": 1}
    rows = sampler(0)
    expected = fine_tune(source(), (X[rows], Y[rows]), sampler=lambda epoch: np.arange(20), **way)
    drawn = fine_tune(source(), (X, Y), sampler=sampler, **way)
    for ours, theirs in zip(values(drawn.model), values(expected.model), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)  # a batch of 40 rounds unlike one of 20


@once
def test_epochs_draw_anew_in_both_phases():
    drawn = []

    def sampler(epoch):
        drawn.append(epoch)
        return shuffled(40, 0)(epoch)

    fine_tune(source(), (X, Y), head_epochs=2, epochs=1, sampler=sampler, **QUICK)
    assert set(drawn) == {0, 1, 2}


class Noted(keras.callbacks.Callback):
    """Notes the numbers of the epochs, and weights at their ends."""

    def __init__(self, model=None):
        super().__init__()
        self.epochs, self.weights = [], []

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(epoch)
        self.weights.append(weights_by_layer(self.model))


@pytest.mark.parametrize("monitor", ["val_loss", None])
def test_the_best_weights_of_both_phases(monitor):
    wild = {"learning_rate": 0.3, "base_learning_rate": 3.0, "optimizer": "sgd"}
    noted = Noted()
    result = fine_tune(
        source(),
        (X, Y),
        (X[:20], Y[:20]),
        head_epochs=3,
        epochs=4,
        monitor=monitor,
        callbacks=[noted],
        **wild,
        **QUICK,
    )
    assert noted.epochs == list(range(7))
    kept = 6 if monitor is None else np.argmin(result.history[monitor])
    assert monitor is None or kept != 6  # or the test tells nothing
    assert same(result.model.get_layer("head").get_weights(), noted.weights[kept]["head"])
    for name, figure in (("val_accuracy", "accuracy"), ("val_loss", "loss")):
        now = result.model.evaluate(X[:20], Y[:20], verbose=0, return_dict=True)[figure]
        assert now == pytest.approx(result.history[name][kept], abs=1e-5)


@once
def test_the_first_of_equal_epochs_is_kept():
    model = source()
    best = BestWeights(model, "val_accuracy")
    expected = values(model)
    for epoch, accuracy in enumerate([0.7, 0.7, 0.6, float("nan")]):
        best.on_epoch_end(epoch, {"val_accuracy": accuracy})
        model.set_weights([weight + 1 for weight in model.get_weights()])
    best.restore()
    assert same(values(model), expected)


class Break(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 3:
            raise KeyboardInterrupt


@once
# the weights are what is restored; the optimizer of the head has not begun
@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
def test_best_weights_survive_a_break(tmp_path):
    arguments = {
        "learning_rate": 0.3,
        "base_learning_rate": 3.0,
        "optimizer": "sgd",
        "head_epochs": 2,
        "epochs": 2,
        "monitor": "val_loss",
        **QUICK,
    }
    data = (X, Y), (X[:20], Y[:20])
    undisturbed = fine_tune(source(), *data, **arguments)
    assert np.argmin(undisturbed.history["val_loss"]) < 3  # or the break tells nothing
    with pytest.raises(KeyboardInterrupt):
        fine_tune(source(), *data, backup_dir=tmp_path / "run", callbacks=[Break()], **arguments)
    again = fine_tune(source(), *data, backup_dir=tmp_path / "run", **arguments)
    assert same(values(again.model), values(undisturbed.model))
    assert not (tmp_path / "run").exists()


@once
def test_an_unknown_monitor_names_those_that_there_are():
    with pytest.raises(ValueError, match=r"one of 'accuracy', 'loss'.*Received: 'f1'"):
        fine_tune(source(), (X, Y), monitor="f1", **QUICK)


@pytest.mark.parametrize(
    ("head_epochs", "moving"),
    [
        (0, [["head"], ["head", "middle"], ["head", "low", "middle"]]),
        (1, [["head"], ["head", "middle"], ["head", "low", "middle"]]),
        (2, [["head"], ["head"], ["head", "middle"]]),
    ],
)
def test_gradual_unfreezing(head_epochs, moving):
    noted = Noted()
    way = {"head_epochs": head_epochs, "epochs": 3 - head_epochs, "decay": 0.5, "gradual": 1}
    fine_tune(source(), (X, Y), callbacks=[noted], **way, **QUICK)
    before = weights_by_layer(source())
    for found, names in zip(noted.weights, moving, strict=True):
        now = {**before, **found}  # the model of kept features has the head alone
        assert sorted(name for name in now if not same(before[name], now[name])) == names
        before = now


def test_as_it_is_keeps_weights_and_flags():
    model = source()
    model.get_layer("low").trainable = False
    result = fine_tune(model, (X, Y), strategy="as_is", head_epochs=1, epochs=1, **QUICK)
    assert len(result.history["loss"]) == 2
    moved = [
        layer.name
        for layer in model.layers
        if not same(layer.get_weights(), result.model.get_layer(layer.name).get_weights())
    ]
    assert moved == ["middle", "head"]
    assert not result.model.get_layer("low").trainable


class Wrapped(keras.utils.PyDataset):
    """Batches that stand for others, which should not be trained on."""

    def __init__(self):
        super().__init__()
        self.dataset = "another one"

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return X, Y


@once
def test_a_dataset_is_itself_whatever_its_attributes():
    way = {"head_epochs": 0, "epochs": 1, **QUICK}
    result = fine_tune(source(), Wrapped(), **way)
    assert len(result.history["loss"]) == 1


@once  # with tf.data
@pytest.mark.parametrize("cache", [True, False])
def test_stored_examples_are_as_those_in_memory(cache):
    """A dataset that draws the rows of each epoch, and its features, drawn alike."""
    import tensorflow as tf

    dataset = resample((X, Y), batch_size=16)
    plan = resample((np.arange(40), Y), batch_size=40)
    drawn = {}
    for epoch in range(3):
        plan.epoch_counter.next = epoch
        drawn[epoch] = next(iter(plan))[0].numpy()

    def begin(epoch):
        dataset.epoch_counter.next = epoch

    stored = StoredBatches(
        dataset, begin, drawn.get, tf.data.Dataset.from_tensor_slices((X, Y)).batch(16)
    )
    way = {"head_epochs": 2, "epochs": 1, "cache": cache, **QUICK}
    expected = fine_tune(source(), (X, Y), sampler=drawn.get, **way)
    result = fine_tune(source(), stored, **way)
    for a, b in zip(values(result.model), values(expected.model), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
