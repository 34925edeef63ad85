"""Counts and weights of the classes, in every form at every door; which labels are refused."""

import collections

import keras
import numpy as np
import pytest
from backends import once
from keras import layers

from kerasnorm import fit
from kerasnorm.imbalance import (
    ClassCounts,
    ClassWeights,
    DeferredReweighting,
    class_weights,
    count_classes,
    resample,
    sampler,
)
from kerasnorm.imbalance.corrections import (
    adjust_logits,
    correct_prior,
    initial_bias,
    tau_normalize,
)
from kerasnorm.imbalance.losses import LDAM, BalancedSoftmax, LogitAdjusted, Seesaw
from kerasnorm.imbalance.metrics import GroupAccuracy
from kerasnorm.recipe import Recipe, advise
from kerasnorm.transfer import fine_tune, replace_head

pytestmark = [once, pytest.mark.usefixtures("without_tracing")]

COUNTS = [1, 3, 2]
UNIFORM = np.full((2, 3), 1 / 3)
DOORS = {
    "ClassCounts": lambda counts: ClassCounts(counts).counts,
    "class_weights": lambda counts: list(class_weights(counts).values()),
    "BalancedSoftmax": lambda counts: BalancedSoftmax(counts).get_config()["counts"],
    "LogitAdjusted": lambda counts: LogitAdjusted(counts).get_config()["counts"],
    "LDAM": lambda counts: LDAM(counts).get_config()["counts"],
    "Seesaw": lambda counts: Seesaw(3, counts=counts).get_config()["counts"],
    "initial_bias": initial_bias,
    "correct_prior": lambda counts: correct_prior(UNIFORM, [1, 1, 1], counts),
    "adjust_logits": lambda counts: adjust_logits(UNIFORM, counts),
    "GroupAccuracy": lambda counts: GroupAccuracy(counts).get_config()["counts"],
}
every_door = pytest.mark.parametrize("door", DOORS)


def series(values, keys, **settings):
    pandas = pytest.importorskip("pandas")
    return pandas.Series(values, index=keys, **settings)


def polars_table():
    polars = pytest.importorskip("polars")
    return polars.Series("y", [1, 1, 1, 0, 2, 2]).value_counts(sort=True)


FORMS = {  # in the order of the frequencies, as `value_counts` gives them
    "dict": lambda: {1: 3, 2: 2, 0: 1},
    "Counter": lambda: collections.Counter([1, 1, 1, 0, 2, 2]),
    "keys of NumPy": lambda: {np.int64(1): np.int64(3), np.uint8(2): 2, 0: 1},
    "names": lambda: {"bee": 3, "cow": 2, "ant": 1},
    "objects": lambda: np.array(COUNTS, dtype=object),
    "whole floats": lambda: [1.0, 3.0, 2.0],
    "value_counts": lambda: series([3, 2, 1], [1, 2, 0]),
    "value_counts of names": lambda: series([3, 2, 1], ["bee", "cow", "ant"]),
    "value_counts of objects": lambda: series([3, 2, 1], [1, 2, 0], dtype=object),
    "polars": polars_table,
}


@every_door
@pytest.mark.parametrize("form", FORMS)
def test_counts_are_read_by_their_keys(form, door):
    found, expected = DOORS[door](FORMS[form]()), DOORS[door](COUNTS)
    np.testing.assert_equal(np.asarray(found), np.asarray(expected))


def test_names_and_gaps():
    assert ClassCounts({"owl": 5, "cat": 3}).labels == ("cat", "owl")
    assert ClassCounts({2: 5, 0: 3}).counts.tolist() == [3, 0, 5]
    assert class_weights({2: 5, 0: 3}, missing="zero")[1] == 0


REFUSED = {
    "mixed keys": {0: 1, "a": 2, 2: 3},
    "negative key": {-1: 1, 1: 2, 2: 3},
    "key of nan": {np.nan: 1, 1: 2, 2: 3},
    "infinite key": {np.inf: 1, 1: 2, 2: 3},
    "half a key": {0.5: 1, 1: 2, 2: 3},
    "nan": [1, np.nan, 2],
    "infinity": {0: 1, 1: np.inf, 2: 1},
    "negative": [1, -1, 2],
    "none": {0: None, 1: 1, 2: 1},
    "words": {0: "3", 1: "2", 2: "1"},
    "nothing": {},
    "all 0": [0, 0, 0],
    "rows": [[1, 3, 2]],
}


@every_door
@pytest.mark.parametrize("form", REFUSED)
def test_what_are_no_counts(form, door):
    name = "target" if door == "correct_prior" else "counts"
    with pytest.raises(ValueError, match=f"`{name}`"):
        DOORS[door](REFUSED[form])


# class weights

Y = np.repeat([0, 1, 2], [6, 4, 3])
X = np.random.default_rng(0).normal(size=(13, 4)).astype("float32") + Y[:, None]
ONCE = {"strategy": "freeze", "epochs": 0, "seed": 0, "jit_compile": False, "verbose": 0}


def classifier(units=3, activation=None):
    keras.utils.set_random_seed(0)
    head = layers.Dense(units, activation)
    return keras.Sequential([keras.Input((4,)), layers.Dense(5, "relu"), head])


def tuned(labels, model=None, **settings):
    settings = {**ONCE, "head_epochs": 1, **settings}
    return fine_tune(model or classifier(), (X, labels), **settings).history["loss"]


WEIGHERS = {
    "ClassWeights": ClassWeights,
    "resample": lambda weights: resample((X, Y), weights=weights),
    "DeferredReweighting": lambda weights: DeferredReweighting(weights, epoch=1),
    "fine_tune": lambda weights: tuned(Y, class_weight=weights),
    "a solved head": lambda weights: tuned(Y, class_weight=weights, head_epochs=None),
}
NO_WEIGHTS = {
    "words as keys": {"0": 1.0, "1": 2.0, "2": 1.0},
    "gap": {0: 1.0, 2: 1.0},
    "negative": {0: 1.0, 1: -2.0, 2: 1.0},
    "nan": {0: 1.0, 1: np.nan, 2: 1.0},
    "infinite": {0: 1.0, 1: np.inf, 2: 1.0},
    "words": {0: "1", 1: "2", 2: "1"},
    "none": {0: None, 1: 1.0, 2: 1.0},
    "all 0": {0: 0.0, 1: 0.0, 2: 0.0},
    "nothing": {},
}


@pytest.mark.parametrize("door", WEIGHERS)
@pytest.mark.parametrize("form", NO_WEIGHTS)
def test_what_are_no_class_weights(form, door):
    with pytest.raises(ValueError, match=r"should be a dict from every class|weight above 0"):
        WEIGHERS[door](NO_WEIGHTS[form])


@pytest.mark.parametrize("weights", [{0: 1.0, 1: 2.0}, {0: 1.0, 1: 2.0, 2: 1.0, 3: 5.0}])
@pytest.mark.parametrize("head_epochs", [1, None])
def test_weights_of_other_classes(weights, head_epochs):
    with pytest.raises(ValueError, match=r"each of the 3 classes, 0 to 2, and no other\. Received"):
        tuned(Y, class_weight=weights, head_epochs=head_epochs)


# labels that a loss of one's own cannot learn

PLUS_MINUS, ONE_TWO, BYTES = Y % 2 * 2 - 1, Y % 2 + 1, Y % 2 * 255


@pytest.mark.parametrize("loss", ["binary_crossentropy", keras.losses.BinaryFocalCrossentropy()])
@pytest.mark.parametrize(
    ("labels", "received"), [(PLUS_MINUS, -1), (ONE_TWO, 2), (BYTES, 255), (Y / np.nan, "nan")]
)
def test_a_binary_loss_learns_0_and_1(labels, received, loss):
    with pytest.raises(ValueError, match=f"Received: {received}"):
        tuned(labels, classifier(1, "sigmoid"), loss=loss)


@pytest.mark.parametrize(
    ("loss", "labels", "refusal"),
    [
        ("sparse_categorical_crossentropy", Y - 1, "Label -1 of `train`"),
        ("sparse_categorical_crossentropy", Y * 255, "Label 510 of `train`"),
        ("sparse_categorical_crossentropy", Y + 0.5, "whole numbers"),
        ("categorical_crossentropy", 255 * np.eye(3)[Y], "should be 0 and 1. Received: 255"),
        ("categorical_crossentropy", np.ones((13, 3)), "sum to 1. Received: a sum of 3"),
    ],
)
def test_a_loss_of_classes_learns_classes(loss, labels, refusal):
    with pytest.raises(ValueError, match=refusal):
        tuned(labels, loss=loss)


def test_the_first_labels_of_a_dataset_are_seen_before_it_trains():
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices((X, PLUS_MINUS)).batch(5)
    with pytest.raises(ValueError, match=r"should be 0 and 1\. Received: -1"):
        fine_tune(classifier(1, "sigmoid"), data, **{**ONCE, "strategy": "scratch", "epochs": 1})


# one logit, one sigmoid


@pytest.mark.parametrize("head_epochs", [1, None])
def test_one_logit_learns_as_a_sigmoid_does(head_epochs):
    """The same loss and accuracy, whose threshold is 0 for a logit."""
    found = [
        fine_tune(
            classifier(1, activation), (X, Y % 2), **{**ONCE, "head_epochs": head_epochs}
        ).history
        for activation in (None, "sigmoid")
    ]
    np.testing.assert_allclose(found[0]["loss"], found[1]["loss"], rtol=1e-5)
    np.testing.assert_allclose(found[0]["accuracy"], found[1]["accuracy"])
    with pytest.raises(ValueError, match=r"should be 0 and 1\. Received: -1"):
        tuned(PLUS_MINUS, classifier(1))


@pytest.mark.parametrize("after", [False, True])
def test_fit_keeps_what_one_unit_has_learnt(after):
    model = classifier(1, None if after else "sigmoid")
    if after:
        model = keras.Sequential([*model.layers, layers.Activation("sigmoid")])
        model.build((None, 4))
    optimizer = {"learning_rate": 1e-9}
    recipe = Recipe(transfer=None, optimizer="sgd", optimizer_settings=optimizer)
    run = fit(recipe, model, (X, Y % 2), (X, Y % 2), epochs=1, seed=0, verbose=0)
    expected = np.asarray(model(X))[:, 0]
    assert run.model.output_shape == (None, 1)
    np.testing.assert_allclose(np.asarray(run.model(X))[:, 0], expected, atol=1e-6)


def test_a_sigmoid_after_a_replaced_head_becomes_a_softmax():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1), layers.Activation("sigmoid")])
    np.testing.assert_allclose(np.asarray(replace_head(model, 3)(X)).sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("model", [(1, None), (1, "sigmoid"), (3, "sigmoid")])
def test_tau_normalize_keeps_no_threshold(model):
    with pytest.raises(ValueError, match="bias of a sigmoid"):
        tau_normalize(classifier(*model), 0.5)


# shares, marks and medians


@pytest.mark.parametrize("counts", [(1000, 100, 10), (9973, 31, 7, 2), (5, 1), (100_003, 50_001)])
@pytest.mark.parametrize("strategy", ["class_balanced", "square_root"])
def test_shares_are_within_one_example_of_each_class(counts, strategy):
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    wanted = np.ones(len(counts)) if strategy == "class_balanced" else np.sqrt(counts)
    expected = wanted / wanted.sum() * len(labels)
    for epoch in range(4):
        drawn = labels[sampler(labels, strategy, seed=3)(epoch)]
        found = np.bincount(drawn, minlength=len(counts))
        assert np.abs(found - expected).max() < 1 + 1e-6


def test_a_class_does_not_come_before_another_one():
    """The order of an epoch is random, though the drawing goes class by class."""
    labels = np.repeat([0, 1], [900, 100])
    drawn = labels[sampler(labels)(0)]
    assert abs(drawn[:500].mean() - 0.5) < 0.1


@pytest.mark.parametrize(
    ("values", "ignored"),
    [((0, 255), None), ((0, 1, 254, 255), None), ((0, 1, 254), None), ((0, 1, 254, 255), 255)],
)
def test_marks_in_masks_are_no_classes(values, ignored):
    masks = np.resize(np.array(values, "uint8"), (2, 6, 8))
    for door in (count_classes, lambda y, **more: sampler(y, "repeat_factor", threshold=1, **more)):
        with pytest.raises(ValueError, match=r"Label 25[45] is outside"):
            door(masks, ignore_class=ignored)
    assert len(count_classes(masks, num_classes=256).counts) == 256
    assert len(count_classes(np.arange(256)).counts) == 256


def test_the_median_class_is_one_of_the_classes():
    """1992 and 8 examples are not "1000 a class"."""
    labels = np.repeat([0, 1], [1992, 8])
    x = np.zeros((2000, 4), "float32")
    reasons = advise(classifier(2), (x, labels), pretrained=False).reasons
    assert any("8 examples of the median class" in reason for reason in reasons)
