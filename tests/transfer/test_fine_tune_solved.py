"""The head that is solved before anything trains, and kept as epoch 0."""

import keras
import numpy as np
import pytest
from backends import once
from keras import layers, ops

from kerasnorm.transfer import fine_tune, solve_head
from kerasnorm.transfer.fine_tuning._averaged_weights import AveragedWeights

pytestmark = pytest.mark.usefixtures("without_tracing")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 6)).astype("float32")
Y = np.repeat([0, 1, 2], [36, 16, 8])
X[np.arange(60), Y] += 1.5
QUICK = {"jit_compile": False, "verbose": 0, "seed": 1}


def source(units=3, activation=None, dropout=0.0):
    keras.utils.set_random_seed(3)
    x = inputs = keras.Input((6,))
    x = layers.Dense(8, "relu", name="low")(x)
    x = layers.Dropout(dropout)(x)
    return keras.Model(inputs, layers.Dense(units, activation, name="head")(x))


def features(model):
    below = keras.Model(model.inputs, model.get_layer("head").input)
    return below.predict(X, verbose=0)


@pytest.mark.parametrize(
    ("activation", "labels"),
    [(None, Y), ("softmax", Y[:, None]), ("softmax", np.eye(3)[Y])],
    ids=["logits", "column", "one-hot"],
)
def test_freeze_is_solve_head(activation, labels):
    model = source(activation=activation, dropout=0.5)
    tuned = fine_tune(model, (X, labels), (X, labels), "freeze", **QUICK)
    expected = solve_head(features(model), Y)
    kernel, bias = tuned.model.get_layer("head").get_weights()
    np.testing.assert_allclose(kernel, expected.kernel, atol=1e-3)
    np.testing.assert_allclose(bias, expected.bias, atol=1e-3)
    assert {len(values) for values in tuned.history.values()} == {1}
    values = tuned.model.evaluate(X, labels, verbose=0, return_dict=True)
    assert {name: value for name, (value,) in tuned.history.items()} == pytest.approx(
        {**values, **{f"val_{name}": value for name, value in values.items()}}, rel=1e-4
    )


@once
def test_class_weights_leave_the_prior_in():
    weights = {0: 1.0, 1: 2.0, 2: 5.0}
    tuned = fine_tune(source(), (X, Y), strategy="freeze", class_weight=weights, **QUICK)
    each = np.array([1.0, 2.0, 5.0])[Y]
    expected = solve_head(features(source()), Y, weights=each)
    np.testing.assert_allclose(
        tuned.model.get_layer("head").get_weights()[1], expected.bias, atol=1e-3
    )


@once
def test_a_class_of_no_weight_is_not_learnt():
    tuned = fine_tune(
        source(), (X, Y), strategy="freeze", class_weight={0: 1.0, 1: 1.0, 2: 0.0}, **QUICK
    )
    used = Y < 2
    expected = solve_head(features(source())[used], np.eye(3)[Y[used]], weights=None)
    kernel = tuned.model.get_layer("head").get_weights()[0]
    np.testing.assert_allclose(kernel, expected.kernel, atol=1e-3)


BINARY = (Y > 0).astype("int32")
SEVERAL = np.stack([Y == 1, X[:, 5] > 0, X[:, 3] > 1], axis=1).astype("float32")


@once
@pytest.mark.parametrize(
    ("labels", "activation", "loss"),
    [
        (BINARY, "sigmoid", None),
        (BINARY[:, None], "sigmoid", "binary_crossentropy"),
        (BINARY, None, keras.losses.BinaryCrossentropy(from_logits=True)),
        (SEVERAL, "sigmoid", None),
        (SEVERAL, None, keras.losses.BinaryCrossentropy(from_logits=True)),
    ],
    ids=["binary", "named loss", "binary logit", "several labels", "logits of several labels"],
)
def test_sigmoids(labels, activation, loss):
    """Each output decides as if its class were there as often as not."""
    model = source(labels.shape[-1] if labels.ndim > 1 else 1, activation)
    tuned = fine_tune(model, (X, labels), strategy="freeze", loss=loss, metrics=(), **QUICK)
    outputs = tuned.model.predict(X, verbose=0)
    there, truth = outputs > (0.5 if activation else 0), labels.reshape(outputs.shape) > 0
    for column in range(outputs.shape[1]):
        recalls = [(there == truth)[side[:, column], column].mean() for side in (truth, ~truth)]
        assert np.mean(recalls) > 0.7 and min(recalls) > 0.6


def test_fine_tuning_starts_from_it_and_never_ends_below():
    """A rate that destroys everything: the solved head is what is kept."""
    data = (X, Y), (X[::2], Y[::2])
    solved = fine_tune(source(), *data, "freeze", **QUICK)
    noted = []

    class Noted(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            noted.append((epoch, self.model.get_weights()))

    wild = {"base_learning_rate": 10.0, "optimizer": "sgd", "epochs": 2}
    tuned = fine_tune(source(), *data, callbacks=[Noted()], **wild, **QUICK)
    assert [epoch for epoch, _ in noted] == [1, 2]
    for ours, theirs in zip(noted[0][1], solved.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert len(tuned.history["val_accuracy"]) == 3
    assert tuned.history["val_accuracy"][0] == solved.history["val_accuracy"][0]
    for ours, theirs in zip(tuned.model.get_weights(), solved.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    last = fine_tune(source(), *data, monitor=None, **wild, **QUICK).model
    assert not np.array_equal(
        ops.convert_to_numpy(last.weights[0]), ops.convert_to_numpy(solved.model.weights[0])
    )


@once
def test_goes_on_after_a_break_without_solving_again(tmp_path, monkeypatch):
    arguments = {"epochs": 2, "monitor": "val_loss", "backup_dir": tmp_path / "backup", **QUICK}
    data = (X, Y), (X[::2], Y[::2])
    undisturbed = fine_tune(source(), *data, **{**arguments, "backup_dir": None})

    class Break(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fine_tune(source(), *data, callbacks=[Break()], **arguments)
    monkeypatch.setattr("kerasnorm.transfer.fine_tuning._two_phases.solve_into", None)
    again = fine_tune(source(), *data, **arguments)
    for name, values in undisturbed.history.items():
        assert again.history[name] == pytest.approx(values)
    for ours, theirs in zip(
        again.model.get_weights(), undisturbed.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    assert not (tmp_path / "backup").exists()


@once
@pytest.mark.parametrize(
    "change",
    [
        lambda: {"loss": "mse", "metrics": (), "train": (X, np.eye(3)[Y])},
        lambda: {"model": keras.Sequential([keras.Input((6,)), layers.Dense(3)])},
        lambda: {"model": _without_bias()},
        lambda: {"head_epochs": 2},
    ],
    ids=["another loss", "nothing below", "no bias", "asked for"],
)
def test_what_no_solver_reaches_is_trained(change):
    arguments = {"model": source(), "train": (X, Y), "strategy": "freeze", "epochs": 1, **QUICK}
    arguments |= change()
    epochs = 1 + arguments.get("head_epochs", 5)
    assert len(fine_tune(**arguments).history["loss"]) == epochs


def _without_bias():
    x = inputs = keras.Input((6,))
    x = layers.Dense(8, "relu")(x)
    return keras.Model(inputs, layers.Dense(3, use_bias=False)(x))


@once
def test_augmentation_leaves_the_solved_head_alone():
    model = keras.Sequential([keras.Input((6,)), layers.Dense(8, "relu"), layers.Dense(3)])
    plain = fine_tune(model, (X, Y), strategy="freeze", **QUICK)
    noise = layers.GaussianNoise(1.0)
    other = fine_tune(model, (X, Y), strategy="freeze", augmentation=noise, **QUICK)
    np.testing.assert_array_equal(*(each.model.get_weights()[-2] for each in (plain, other)))


@once
def test_labels_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="Label 3 of `train` is outside the classes 0 to 2"):
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        fine_tune(source(), (X, Y + 1), strategy="freeze", loss=loss, **QUICK)


@once
@pytest.mark.parametrize(
    ("losses", "kept"),  # of the solved head and of the average
    [(None, 6), ((1.0, 0.9), 6), ((1.0, 1.0), 0), ((1.0, 1.1), 0), ((1.0, float("nan")), 0)],
)
@pytest.mark.parametrize("interrupted", [False, True])
def test_three_quarters_of_the_way_are_kept_unless_the_loss_is_no_lower(losses, kept, interrupted):
    model = source()
    final = AveragedWeights(model)
    bias = model.get_layer("head").bias
    bias.assign([0] * 3)
    final.begin({})
    bias.assign([4] * 3)
    if interrupted:
        state = final.state_dict()
        final = AveragedWeights(model)
        final.load_state_dict(state)
        final.begin({})
    bias.assign([8] * 3)
    found = {} if losses is None else dict(zip((0, 6), losses, strict=True))
    final.restore((lambda: found[int(bias.numpy()[0])]) if found else None)
    assert keras.ops.convert_to_numpy(bias).tolist() == [kept] * 3


@once
@pytest.mark.parametrize("with_validation", [False, True])
def test_fine_tuning_ends_between_the_solved_head_and_the_last_epoch(with_validation):
    held_out = (X[:20], Y[:20]) if with_validation else None
    ends = {
        name: fine_tune(source(), (X, Y), held_out, **QUICK | more).model.get_weights()
        for name, more in {
            "solved": {"epochs": 0},
            "last": {"epochs": 2, "monitor": None},
            "auto": {"epochs": 2},
            "harmful": {"epochs": 2, "base_learning_rate": 10.0},
        }.items()
    }
    expected = [
        0.25 * first + 0.75 * last for first, last in zip(ends["solved"], ends["last"], strict=True)
    ]
    assert not np.array_equal(ends["solved"][0], ends["last"][0])
    for found, each in zip(ends["auto"], expected, strict=True):
        np.testing.assert_allclose(found, each, atol=1e-6)
    if with_validation:
        assert all(map(np.array_equal, ends["harmful"], ends["solved"]))
