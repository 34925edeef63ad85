"""Metrics and running counts add up over the replicas of tf.distribute."""

import keras
import numpy as np
import pytest
from replicas import two_replicas
from sklearn.metrics import balanced_accuracy_score

from kerasnorm.imbalance import BalancedAccuracy, BoundaryFScore, Seesaw

if keras.config.backend() != "tensorflow":
    pytest.skip("tf.distribute is TensorFlow's", allow_module_level=True)
pytestmark = pytest.mark.distributed


@pytest.fixture(scope="module")
def strategy():
    return two_replicas()


def test_metrics_and_counts(strategy, rng):
    """Seven examples in batches of 4: replicas of 2 and 2, then of 2 and 1."""
    x, y = rng.normal(size=(7, 4)).astype("float32"), np.array([0, 0, 0, 1, 1, 2, 0])
    with strategy.scope():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        loss = Seesaw(3)
        metrics = [BalancedAccuracy(3), loss.counter]
        model.compile(keras.optimizers.SGD(0.0), loss, metrics=metrics, jit_compile=False)
    history = model.fit(x, y, batch_size=4, epochs=2, verbose=0).history
    expected = balanced_accuracy_score(y, np.asarray(model(x)).argmax(-1))
    np.testing.assert_allclose(history["balanced_accuracy"], [expected] * 2, rtol=1e-6)
    assert loss.counter.to_list() == [8, 4, 2]


def test_contours(strategy, rng):
    y = (rng.random((3, 6, 6)) < 0.2).astype("float32")
    with strategy.scope():
        model = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Conv2D(1, 1)])
        metric = BoundaryFScore(1, thresholds=5, from_logits=True)
        model.compile("sgd", "mse", metrics=[metric], jit_compile=False)
    found = model.evaluate(y[..., None], y[..., None], 2, verbose=0, return_dict=True)
    alone = BoundaryFScore(1, thresholds=5, from_logits=True)
    alone.update_state(y, model(y[..., None]))
    for name, value in alone.result().items():
        np.testing.assert_allclose(found[name], float(value), rtol=1e-6)
