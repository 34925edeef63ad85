"""AveragePrecision, and BalancedAccuracy of one output, against scikit-learn."""

import keras
import numpy as np
import pytest
from backends import once
from sklearn.metrics import average_precision_score, balanced_accuracy_score

from kerasnorm.imbalance import AveragePrecision, BalancedAccuracy


def drawn(rng, labels=3, count=60):
    """Labels, logits with ties, that fall into bins of their own, and weights."""
    y = (rng.random((count, labels)) < np.linspace(0.1, 0.6, labels)).astype(int)
    y[0] = 1
    z = np.round(rng.normal(y, 2), 1).astype("float32") + 0.01
    return y, z, rng.uniform(0, 3, count).astype("float32")


@pytest.mark.parametrize("logits", [True, False])
def test_is_scikit_learns(logits, rng):
    y, z, w = drawn(rng)
    scores = z if logits else 0.5 + 0.5 * np.tanh(z / 2)
    metric = AveragePrecision(3, from_logits=logits)
    for part in (slice(20), slice(20, None)):
        metric.update_state(y[part], scores[part], w[part])
    expected = average_precision_score(y, z, sample_weight=w)
    assert float(metric.result()) == pytest.approx(expected, abs=1e-4)


@once
def test_labels_without_an_example_are_left_out(rng):
    y, z, _ = drawn(rng)
    y[:, 1] = 0
    metric = AveragePrecision(3)
    assert np.isnan(float(metric.result()))
    metric.update_state(y, z)
    expected = average_precision_score(y[:, [0, 2]], z[:, [0, 2]])
    assert float(metric.result()) == pytest.approx(expected, abs=1e-4)


@once
def test_rare_labels_with_probabilities_near_0(rng):
    """Which Keras' AUC has in one bin."""
    y, z, _ = drawn(rng, 1)
    p = np.exp(z - 10)
    metric = AveragePrecision(1, from_logits=False)
    metric.update_state(y[:, 0], p[:, 0])
    assert float(metric.result()) == pytest.approx(average_precision_score(y, p), abs=0.01)


@once
def test_refused(rng):
    y, z, _ = drawn(rng)
    with pytest.raises(ValueError, match="0 or 1"):
        AveragePrecision(3).update_state(2 * y, z)
    with pytest.raises(ValueError, match="should have the shape"):
        AveragePrecision(2).update_state(y, z)


@pytest.mark.parametrize("column", [False, True])
def test_balanced_accuracy_of_one_output(column, rng):
    y, z, w = drawn(rng, 1)
    metric = BalancedAccuracy(2, threshold=0.5)
    metric.update_state(y if column else y[:, 0], z if column else z[:, 0], w)
    expected = balanced_accuracy_score(y[:, 0], z[:, 0] > 0.5, sample_weight=w)
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ValueError, match="two classes told by one output"):
        BalancedAccuracy(3, threshold=0)


@once
def test_in_fit(rng):
    """Compiled, with weights."""
    y, z, w = drawn(rng)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
    model.set_weights([np.eye(3), np.zeros(3)])
    metrics = [AveragePrecision(3)]
    model.compile(loss="mse", weighted_metrics=metrics, jit_compile=False)
    found = model.evaluate(z, y, sample_weight=w, verbose=0, return_dict=True)
    expected = average_precision_score(y, z, sample_weight=w)
    assert found["average_precision"] == pytest.approx(expected, abs=1e-4)
