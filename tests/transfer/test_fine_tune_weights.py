"""Sample weights in `fine_tune` and `solve_head`: an example of weight 2 is there twice."""

import keras
import numpy as np
import pytest
from backends import once

from kerasnorm.imbalance import BalancedAccuracy, ClassWeights, LabelCrossentropy
from kerasnorm.transfer import fine_tune, solve_head

pytestmark = pytest.mark.usefixtures("without_tracing")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 4)).astype("float32")
Y = (X[:, 0] + RNG.normal(size=24) > 0.5).astype(int)
W = np.where(np.arange(24) % 3 == 0, 2.0, 1.0).astype("float32")
TWICE = np.repeat(np.arange(24), W.astype(int))
OF_CLASS = {0: 1.0, 1: 3.0}


def model(units=2, activation=None):
    keras.utils.set_random_seed(0)
    parts = [keras.layers.Dense(3, "tanh"), keras.layers.Dense(units, activation)]
    return keras.Sequential([keras.Input((4,)), *parts])


def tuned(data, made=None, **settings):
    quick = {"strategy": "as_is", "epochs": 1, "optimizer": "sgd", "batch_size": 64, "seed": 0}
    return fine_tune(made or model(), data, verbose=0, **{**quick, **settings})


def same_weights(first, second, **tolerance):
    for mine, theirs in zip(first.model.weights, second.model.weights, strict=True):
        np.testing.assert_allclose(np.asarray(mine), np.asarray(theirs), **tolerance)


def as_dataset(*parts):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices(parts).batch(24)


@pytest.mark.parametrize("form", ["arrays", pytest.param("Dataset", marks=once)])
def test_a_step_is_that_of_the_examples_twice(form):
    mean = W / W.mean()  # Keras divides by the number of the examples
    data = (X, Y, mean) if form == "arrays" else as_dataset(X, Y, mean)
    same_weights(tuned(data), tuned((X[TWICE], Y[TWICE])), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("form", ["arrays", pytest.param("Dataset", marks=once)])
def test_class_weights_are_multiplied(form):
    data = (X, Y, W) if form == "arrays" else as_dataset(X, Y, W)
    product = W * np.where(Y == 1, 3, 1)
    found = tuned(data, class_weight=ClassWeights(OF_CLASS))
    same_weights(found, tuned((X, Y, product)), rtol=1e-5)
    with pytest.raises(ValueError, match=r"Received: both\. Pass .*ClassWeights"):
        tuned(data, class_weight=OF_CLASS)


@once
def test_features_are_kept_with_their_weights():
    """Where the head trains alone, too."""
    settings = {"strategy": "freeze", "head_epochs": 1, "epochs": 0}
    kept, anew = (tuned((X, Y, W), cache=cache, **settings) for cache in (True, False))
    same_weights(kept, anew, rtol=1e-5)


@once
@pytest.mark.parametrize(
    ("units", "loss", "y"),
    [
        (2, None, Y),
        (1, None, Y),
        (2, LabelCrossentropy(label_weights=[[1, 2], [3, 1]]), np.stack([Y, Y[::-1]], 1)),
    ],
)
def test_the_head_is_solved_for_the_weighed_examples(units, loss, y):
    """At one penalty: its choice by folds sees each example once."""
    from unittest import mock

    settings = {
        "strategy": "freeze",
        "loss": loss,
        "class_weight": OF_CLASS if units == 1 else None,
    }
    with mock.patch("kerasnorm.transfer.solving._solve_head.best_of", return_value=1e-6):
        if units == 1:
            settings["class_weight"] = ClassWeights(OF_CLASS)
        found = tuned((X, y, W), model(units), **settings)
        expected = tuned((X[TWICE], y[TWICE]), model(units), **settings)
    mine, theirs = (np.asarray(each.model(X)) for each in (found, expected))
    np.testing.assert_allclose(mine, theirs, rtol=0.02, atol=0.02)


@once
def test_figures_of_the_validation_are_weighed():
    metrics = [BalancedAccuracy(2)]
    found = tuned((X, Y), validation=(X, Y, W), metrics=metrics).history
    expected = tuned((X, Y), validation=(X[TWICE], Y[TWICE]), metrics=metrics).history
    name = "val_balanced_accuracy"
    np.testing.assert_allclose(found[name], expected[name], rtol=1e-5)


@once
def test_solve_head():
    features = RNG.normal(size=(24, 3)) + Y[:, None]
    for weights in (None, "balanced", np.where(Y == 1, 3.0, 1.0)):
        twice = weights[TWICE] if isinstance(weights, np.ndarray) else weights
        settings = {"penalty": 1e-6}
        found = solve_head(features, Y, weights=weights, sample_weight=W, **settings)
        expected = solve_head(features[TWICE], Y[TWICE], weights=twice, **settings)
        np.testing.assert_allclose(found.kernel, expected.kernel, rtol=0.02, atol=0.01)
        np.testing.assert_allclose(found.bias, expected.bias, rtol=0.02, atol=0.01)
    with pytest.raises(ValueError, match="The sample weights of `sample_weight` should be"):
        solve_head(features, Y, sample_weight=-W)


@once
def test_several_labels_are_not_weighed_by_class():
    rows = np.stack([Y, Y[::-1]], 1)
    for made, loss in ((model(2, "sigmoid"), None), (model(2), LabelCrossentropy())):
        with pytest.raises(ValueError, match="LabelCrossentropy"):
            tuned((X, rows), made, loss=loss, class_weight=OF_CLASS)
