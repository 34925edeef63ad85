"""Corrections of one output for two classes, and of several labels."""

import keras
import numpy as np
import pytest
from backends import once
from scipy.optimize import minimize_scalar
from sklearn.metrics import f1_score

from kerasnorm.imbalance import adjust_logits, scale_temperature, tune_thresholds, with_thresholds

pytestmark = pytest.mark.usefixtures("without_tracing")


def sigmoid(z):
    return 0.5 + 0.5 * np.tanh(np.asarray(z, float) / 2)


def model(units, activation=None):
    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(units, activation)])


def drawn(units, activation=None):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 3)).astype("float32")
    made = model(units, activation)
    y = (rng.random((50, units)) < 0.3).astype(int)
    return made, x, y, made.predict(x, verbose=0)


@pytest.mark.parametrize("activation", [None, "sigmoid"])
@pytest.mark.parametrize("units", [1, 2])
def test_thresholds_are_those_of_the_model_afterwards(units, activation):
    made, x, y, outputs = drawn(units, activation)
    p = outputs if activation else sigmoid(outputs)
    thresholds = tune_thresholds(p, y, f1_score)
    moved = with_thresholds(made, thresholds).predict(x, verbose=0)
    np.testing.assert_array_equal(moved > (0.5 if activation else 0), p >= thresholds)


@pytest.mark.parametrize("activation", [None, "sigmoid"])
def test_adjust_logits_takes_the_odds_out(activation):
    for units, counts in ((1, [90, 10]), (2, np.array([[90, 10], [40, 60]]))):
        made, x, _, outputs = drawn(units, activation)
        odds = np.log(np.atleast_2d(counts)[:, 1] / np.atleast_2d(counts)[:, 0])
        found = adjust_logits(made, counts).predict(x, verbose=0)
        logits = np.log(outputs / (1 - outputs)) if activation else outputs
        expected = logits - odds
        expected = sigmoid(expected) if activation else expected
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def loss(kind, logits, y):
    if kind == "softmax":
        return (np.logaddexp.reduce(logits, 1) - logits[np.arange(len(y)), y]).mean()
    return (np.logaddexp(0, logits) - y * logits).mean()


@pytest.mark.parametrize(
    ("units", "activation"), [(1, None), (3, "sigmoid"), (3, "softmax"), (3, None)]
)
def test_the_temperature_is_the_best(units, activation):
    made, x, y, outputs = drawn(units, activation)
    kind = "softmax" if units == 3 and activation != "sigmoid" else "sigmoid"
    labels = y.argmax(1) if kind == "softmax" else y
    logits = np.asarray(x @ made.get_weights()[0], float)
    scaled = scale_temperature(made, outputs, labels)
    share = scaled.get_weights()[0][0, 0] / made.get_weights()[0][0, 0]
    best = minimize_scalar(
        lambda log: loss(kind, np.exp(log) * logits, labels), bounds=(-4, 4), method="bounded"
    )
    found = loss(kind, share * logits, labels)
    assert found == pytest.approx(best.fun, abs=1e-4)


@once
@pytest.mark.parametrize("thresholds", [[0.1, 0.2, 0.3], "half", np.nan])
def test_no_thresholds(thresholds):
    with pytest.raises(ValueError, match="`thresholds` should be"):
        with_thresholds(model(2), thresholds)


@once
def test_what_cannot_be_scaled():
    with pytest.raises(ValueError, match="`outputs` should be finite numbers"):
        scale_temperature(model(2), np.array([[np.nan, 1]]), [0])
    with pytest.raises(ValueError, match="no activation but softmax or sigmoid"):
        scale_temperature(model(2, "relu"), np.ones((1, 2)), [0])
