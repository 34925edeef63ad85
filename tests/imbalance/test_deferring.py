"""DeferredReweighting and DeferredResampling: what a fit does before and from the epoch."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from backends import once
from batches import Batches
from keras import ops
from seen import fit_and_look

from kerasnorm.imbalance import (
    LDAM,
    ClassWeights,
    DeferredResampling,
    DeferredReweighting,
    LovaszSoftmax,
    ResampledDataset,
    SparseFocalCrossentropy,
    resample,
)

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
Y = np.array([0, 0, 0, 0, 0, 1, 1, 2])
WEIGHTS = {0: 0.2, 1: 0.8, 2: 2.0}
EPOCHS = 3


def model_with(loss, **settings):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
    model.layers[0].kernel.assign(np.linspace(-1, 1, 9).reshape(3, 3))
    model.compile(keras.optimizers.SGD(0.5, momentum=0.9), loss, **settings)
    return model


def fit(model, **settings):
    arguments = {"epochs": EPOCHS, "batch_size": 8, "shuffle": False, "verbose": 0, **settings}
    history = model.fit(X, Y, **arguments).history
    return history, ops.convert_to_numpy(model.layers[0].kernel)


def plain():
    return SparseFocalCrossentropy(gamma=0)


EAGER = {"run_eagerly": True}
COMPILED = {"jit_compile": keras.config.backend() != "torch"}


@pytest.mark.parametrize(
    ("epoch", "how"),
    [
        pytest.param(0, EAGER, marks=once, id="at once"),
        pytest.param(9, EAGER, marks=once, id="never"),
        pytest.param(1, COMPILED, id="compiled"),
    ],
)
def test_reweighting_is_a_fit_with_class_weights_from_the_epoch(epoch, how):
    """Afterwards the model trains and is judged without weights, as its twin."""
    model = model_with(plain(), **how)
    validation = {"validation_data": (X, Y)}
    history, kernel = fit(model, callbacks=[DeferredReweighting(WEIGHTS, epoch)], **validation)
    twin = model_with(plain(), **EAGER)
    first = fit(twin, epochs=min(epoch, EPOCHS), **validation)[0] if epoch else {}
    rest = {}
    if epoch < EPOCHS:
        rest, _ = fit(twin, initial_epoch=epoch, class_weight=WEIGHTS, **validation)
    for name, values in history.items():
        expected = [*first.get(name, []), *rest.get(name, [])]
        np.testing.assert_allclose(values, expected, rtol=1e-5, err_msg=name)
    np.testing.assert_allclose(kernel, ops.convert_to_numpy(twin.layers[0].kernel), rtol=1e-5)
    afterwards = [fit(each, epochs=1)[0]["loss"] for each in (model, twin)]
    np.testing.assert_allclose(*afterwards, rtol=1e-5)
    np.testing.assert_allclose(float(model.loss(Y, X)), float(plain()(Y, X)), rtol=1e-6)


def test_reweighting_goes_on_after_a_break(tmp_path):
    callbacks = [DeferredReweighting(WEIGHTS, 1)]
    _, expected = fit(model_with(LDAM([5, 2, 1]), **EAGER), callbacks=callbacks)
    model = model_with(LDAM([5, 2, 1]), **EAGER)
    fit(model, epochs=2, callbacks=callbacks)
    model.save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    callbacks = [DeferredReweighting(WEIGHTS, 1)]
    _, found = fit(model, initial_epoch=2, callbacks=callbacks)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_reweighting_weighs_every_loss_of_class_numbers():
    z = np.random.default_rng(1).normal(size=(8, 3)).astype("float32")
    for loss in (plain(), LDAM([5, 2, 1]), LovaszSoftmax()):
        loss.class_weights = np.array([0.2, 0.8, 2.0])
        found = float(loss(Y, z))
        loss.class_weights = None
        weights = np.vectorize(WEIGHTS.get)(Y)
        np.testing.assert_allclose(found, float(loss(Y, z, weights)), rtol=1e-5)


@once
@pytest.mark.parametrize(
    ("loss", "weights", "match"),
    [
        (keras.losses.SparseCategoricalCrossentropy(), WEIGHTS, "a loss of kerasnorm"),
        ("sparse_categorical_crossentropy", WEIGHTS, "a loss of kerasnorm"),
        (LDAM([5, 2, 1]), {0: 1.0, 1: 2.0}, "3 weights"),
    ],
)
def test_reweighting_refuses(loss, weights, match):
    with pytest.raises(ValueError, match=match):
        fit(model_with(loss), callbacks=[DeferredReweighting(weights, 1)])
    with pytest.raises(ValueError, match="every class"):
        DeferredReweighting({1: 1.0}, 1)
    with pytest.raises(ValueError, match="epoch"):
        DeferredReweighting(WEIGHTS, -1)


def tf_batches(x, y, size):
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(size)


def py_batches(x, y, size):
    return Batches((x, y), size)


def marked(batches, value, n=6):
    x = np.full((n, 1), value, "float32")
    return batches(x, x, 2)


@once
@pytest.mark.parametrize(
    ("batches", "start", "epoch"),
    [
        *((tf_batches, start, epoch) for start, epoch in [(0, 2), (1, 2), (0, 9)]),
        *((py_batches, start, epoch) for start, epoch in [(0, 0), (0, 2), (3, 2)]),
    ],
)
def test_resampling_draws_from_the_other_dataset_from_the_epoch(batches, start, epoch):
    """The model gives 0, so the loss tells what it was given: 1 before and 4 after."""
    deferred = DeferredResampling(marked(batches, 1, n=2), marked(batches, 2, n=2), epoch)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(0.0), "mse", **EAGER)
    settings = {"initial_epoch": start, "epochs": 4, "shuffle": False, "verbose": 0}
    history = model.fit(deferred.dataset, callbacks=[deferred], **settings)
    expected = [1.0 if e < epoch else 4.0 for e in range(start, 4)]
    np.testing.assert_allclose(history.history["loss"], expected)


IDS = np.arange(40, dtype="float32")[:, None]
LABELS = np.repeat([0, 1], [36, 4])
HOW_DRAWN = [{"weights": np.ones(40)}, {"weights": np.repeat([20 / 36, 5], [36, 4])}]


@pytest.mark.parametrize(
    ("draw", "built", "batch_size"), [(resample, True, 8), (ResampledDataset, False, 40)]
)
def test_resampling_draws_the_epoch_of_fit_also_after_a_break(draw, built, batch_size):
    """Epochs 0 and 1 of the one dataset, then 2 and 3 of the other, in one fit or in two."""

    def seen(**epochs):
        before, after = (draw((IDS, IDS), batch_size=batch_size, **how) for how in HOW_DRAWN)
        deferred = DeferredResampling(before, after, epoch=2)
        return fit_and_look(deferred.dataset, 40, [deferred], built, **epochs)

    expected = []
    for epoch, how in enumerate(HOW_DRAWN[i] for i in (0, 0, 1, 1)):
        dataset = ResampledDataset((IDS, IDS), batch_size=batch_size, **how)
        dataset.epoch_counter.next = epoch
        drawn = np.concatenate([x[:, 0] for x, _ in dataset]).astype(int)
        expected.append(np.bincount(drawn, minlength=40))
    np.testing.assert_array_equal(seen(epochs=4), expected)
    np.testing.assert_array_equal(seen(initial_epoch=1, epochs=3), expected[1:3])


@once
def test_resampling_tells_the_dataset_that_is_drawn_from_when_epochs_begin_and_end():
    calls = []

    class Noting(Batches):
        def on_epoch_begin(self):
            calls.append(f"begin {self.parts[0][0, 0]:g}")

        def on_epoch_end(self):
            calls.append(f"end {self.parts[0][0, 0]:g}")

    before, after = (marked(lambda x, y, size: Noting((x, y), size), value) for value in (1, 2))
    deferred = DeferredResampling(before, after, epoch=1)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", **EAGER)
    model.fit(deferred.dataset, epochs=2, callbacks=[deferred], verbose=0)
    assert calls[-4:] == ["begin 1", "end 1", "begin 2", "end 2"]


@once
def test_resampling_draws_from_datasets_with_weights():
    datasets = [ResampledDataset((IDS, LABELS), batch_size=8, **how) for how in HOW_DRAWN]
    weighed = [ClassWeights({0: 0.5, 1: 4.5}).map(each) for each in datasets]
    deferred = DeferredResampling(*weighed, epoch=1)
    deferred.on_epoch_begin(0)
    assert sum(w.sum() for *_, w in deferred.dataset) == 36 * 0.5 + 4 * 4.5
    deferred.on_epoch_begin(7)
    assert sum(w.sum() for *_, w in deferred.dataset) == 20 * 0.5 + 20 * 4.5
    assert datasets[1].epoch_counter.next == 7


@once
def test_resampling_has_a_length_and_new_epochs():
    x, y = np.arange(40.0)[:, None], LABELS
    after = resample((x, y), batch_size=8)
    before = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(40, seed=0).batch(8)
    deferred = DeferredResampling(before, after, epoch=1)
    assert int(deferred.dataset.cardinality()) == 5
    deferred.on_epoch_begin(0)
    first = np.concatenate([y for _, y in deferred.dataset.as_numpy_iterator()])
    deferred.on_epoch_begin(1)
    passes = [
        np.concatenate([x[:, 0] for x, _ in deferred.dataset.as_numpy_iterator()]) for _ in range(2)
    ]
    assert first.sum() == 4 and all(10 < (drawn >= 36).sum() < 30 for drawn in passes)
    assert (passes[0] != passes[1]).any()
    unequal = DeferredResampling(before.take(2), after, epoch=1).dataset
    assert int(unequal.cardinality()) == tf.data.UNKNOWN_CARDINALITY


class Endless(keras.utils.PyDataset):
    num_batches = None


@once
@pytest.mark.parametrize(
    ("before", "after", "match"),
    [
        (marked(tf_batches, 1), marked(tf_batches, 1).map(lambda x, y: x), "same structure"),
        (marked(tf_batches, 1), [(0, 1)], "two .* and list"),
        (None, marked(tf_batches, 1), "two .* NoneType and"),
        (marked(tf_batches, 1), marked(py_batches, 1), "two tf.data.Datasets or two"),
        (marked(py_batches, 1), Batches((IDS[:6],), 2), "same structure"),
        (marked(py_batches, 1), marked(py_batches, 1, n=8), "num_batches 3 and 4"),
        (Endless(), Endless(), "num_batches None"),
    ],
    ids=["structure", "list", "none", "kinds", "structure of batches", "length", "endless"],
)
def test_resampling_refuses(before, after, match):
    with pytest.raises(ValueError, match=match):
        DeferredResampling(before, after, 1)
