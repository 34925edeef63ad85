"""A KerasHub task is trained and taken apart with its preprocessing."""

import keras
import numpy as np
import pytest
from backends import once
from transfer.tasks_of_keras_hub import Task

import kerasnorm
from kerasnorm.transfer import fine_tune, layer_decay, probe_layers, replace_head

pytestmark = [once, pytest.mark.usefixtures("without_tracing")]

RNG = np.random.default_rng(0)
X, Y = RNG.uniform(0, 255, (24, 8, 8, 3)).astype("float32"), np.arange(24) % 3
SCALE, OFFSET = [1 / 50, 1 / 40, 1 / 30], [-2.0, -1.0, -0.5]


def backbone():
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.BatchNormalization()]
    return keras.Sequential([keras.Input((8, 8, 3)), *layers])


def by_hand():
    """The same network with its preprocessing as a layer."""
    base = backbone()
    images = keras.Input((8, 8, 3))
    x = keras.layers.Rescaling(SCALE, OFFSET)(images)
    for layer in [*base.layers, keras.layers.GlobalAveragePooling2D()]:
        x = layer(x)
    head = keras.layers.Dense(7, kernel_initializer="zeros", name="predictions")
    return keras.Model(images, head(x))


def task():
    made = Task(backbone(), scale=SCALE, offset=OFFSET)
    made.get_layer("predictions").kernel.assign(np.zeros((4, 7)))
    return made


def outputs(model):
    return keras.ops.convert_to_numpy(model(X, training=False))


@pytest.mark.parametrize("strategy", ["freeze", "fine_tune"])
def test_fine_tuning_is_that_of_the_network_with_its_preprocessing(strategy):
    given = task()
    before = given.get_weights()
    settings = {"classes": 3, "epochs": 1, "seed": 0, "verbose": 0}
    found = fine_tune(given, (X, Y), strategy=strategy, **settings)
    expected = fine_tune(by_hand(), (X, Y), strategy=strategy, **settings)
    np.testing.assert_allclose(outputs(found.model), outputs(expected.model), atol=1e-5)
    assert all(map(np.array_equal, given.get_weights(), before))


def test_a_head_of_its_own_stays():
    model = fine_tune(task(), (X, Y), strategy="as_is", head_epochs=0, epochs=0, verbose=0).model
    np.testing.assert_allclose(outputs(model), outputs(by_hand()), atol=1e-5)


def test_a_new_head_stands_on_preprocessed_features():
    new = replace_head(task(), 3)
    kernel, bias = new.layers[-1].get_weights()
    base = by_hand()
    features = keras.Model(base.input, base.layers[-2].output)
    np.testing.assert_allclose(outputs(new), outputs(features) @ kernel + bias, atol=1e-5)


def test_it_is_advised_on_fitted_and_probed_so():
    def said(model):
        return kerasnorm.advise(model, (X, Y)).reasons[0].partition("recognizes")[2]

    assert said(task()) == said(by_hand())
    settings = {"epochs": 1, "seed": 0, "verbose": 0}
    run = kerasnorm.fit(kerasnorm.Recipe(), task(), (X, Y), (X, Y), **settings)
    expected = kerasnorm.fit(kerasnorm.Recipe(), by_hand(), (X, Y), (X, Y), **settings)
    np.testing.assert_allclose(outputs(run.model), outputs(expected.model), atol=1e-5)
    found, expected = (probe_layers(model, X, Y, folds=2).rows for model in (task(), by_hand()))
    assert [row["accuracy"] for row in found][-2:] == [row["accuracy"] for row in expected][-2:]


def test_layers_that_build_nothing_are_no_reason_to_refuse():
    assert list(layer_decay(task(), 0.5).values()) == [0.25, 0.5, 1]
