"""What is called in the scope of a strategy of several replicas, or given to it from outside."""

import keras
import numpy as np
import pytest
from replicas import replicas

if keras.config.backend() != "tensorflow":
    pytest.skip("tf.distribute is TensorFlow's", allow_module_level=True)

from distribute.cases import CLASSES, Crossentropy, difference, mlp

from kerasnorm.distribute import DistributedModel, prepare
from kerasnorm.imbalance import retrain_classifier
from kerasnorm.models import predict_rows
from kerasnorm.transfer import Task, TaskAffinity, fine_tune, probe_layers, solve_head
from kerasnorm.transfer.fine_tuning import cache_features

pytestmark = [pytest.mark.distributed, pytest.mark.usefixtures("without_tracing")]
COUNT = 13  # on two replicas 7 and 6
X = np.random.default_rng(0).normal(size=(COUNT, 6)).astype("float32")
Y = np.arange(COUNT) % CLASSES


@pytest.fixture(scope="module")
def strategy():
    return replicas(2)


def model():
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(4, "relu"), keras.layers.Dense(CLASSES, name="head")]
    return keras.Sequential([keras.Input((6,)), *layers])


def affinities():
    tasks = [Task("first", X[:, 0], "regression")]
    settings = {"epochs": 1, "batch_size": 9, "jit_compile": False}
    return TaskAffinity({"only": model()}, tasks, X, **settings).run(verbose=0).losses


CALLS = {
    "rows": lambda: predict_rows(model(), X),
    "features": lambda: cache_features(model(), [X[:7], X[7:]], "unused"),
    "an svm": lambda: fine_tune(model(), (X, Y), strategy="svm", batch_size=5, verbose=0)[0](X),
    "probing": lambda: probe_layers(model(), X, Y, folds=2).rows[0]["accuracy"],
    "affinities": affinities,
    "a head": lambda: solve_head(predict_rows(model(), X), Y).kernel,
    "retrained": lambda: retrain_classifier(model(), X, Y, batch_size=5)(X),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_needs_no_prepare_gives_the_same_in_the_scope(name, strategy):
    """Keras' `predict_on_batch` gives the rows of each replica there, of which each had all."""
    expected = np.asarray(CALLS[name]())
    with strategy.scope():
        found = np.asarray(CALLS[name]())
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


class Share(keras.metrics.Mean):
    """A metric whose config lacks what it was made with."""

    def __init__(self, of=0, name="share"):
        super().__init__(name)
        self.of = of


class Halved(keras.optimizers.SGD):
    """An optimizer whose config is not that of its class."""

    def __init__(self, rate):
        super().__init__(rate / 2)


REFUSED = {
    "metric": {"metrics": [Share(of=2)]},
    "nested metric": {"metrics": [["accuracy", Share(of=2)]]},
    "weighted metric": {"weighted_metrics": [Share(of=2)]},
    "optimizer": {"optimizer": Halved(0.1)},
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_made_again_equal_is_refused(name, strategy):
    with strategy.scope():
        model = mlp(DistributedModel)
    message = r"made outside of the strategy's scope.* `with strategy\.scope\(\): \.\.\.`"
    with pytest.raises(ValueError, match=message):
        model.compile(**{"optimizer": "sgd", "loss": "mse", **REFUSED[name]})


def test_what_was_made_in_the_scope_is_taken_as_it_is(strategy):
    with strategy.scope():
        model, optimizer, metric = mlp(DistributedModel), Halved(0.1), Share(of=2)
    model.compile(optimizer, "mse", metrics=[metric])
    assert model.optimizer is optimizer


@pytest.fixture
def float64():
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")


@pytest.mark.usefixtures("float64")
def test_double_precision(strategy):
    """Arrays in the precision of Keras, and sums of replicas that lose none of it."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(COUNT, 6)), rng.integers(0, CLASSES, COUNT)
    trained = []
    for way in (lambda plain: plain, lambda plain: prepare(plain, strategy)):
        each = way(model())
        optimizer = keras.optimizers.SGD(0.1, global_clipnorm=0.1)
        each.compile(optimizer, Crossentropy(from_logits=True), metrics=["accuracy"])
        history = each.fit(x, y, 5, 2, 0, shuffle=False).history
        trained.append((each.get_weights(), history, each.predict(x, 5, 0)))
    (weights, history, outputs), (found, logs, predicted) = trained
    assert {weight.dtype for weight in found} == {np.dtype("float64")}
    assert 0 <= difference(found, weights) < 1e-13
    np.testing.assert_allclose(predicted, outputs, atol=1e-13)
    np.testing.assert_allclose(logs["loss"], history["loss"], rtol=1e-12)
