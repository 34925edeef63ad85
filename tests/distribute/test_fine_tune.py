"""The two phases of fine-tuning on several replicas."""

import keras
import numpy as np
import pytest
from replicas import replicas

if keras.config.backend() != "tensorflow":
    pytest.skip("tf.distribute is TensorFlow's", allow_module_level=True)

from distribute.cases import CLASSES, difference

from kerasnorm.distribute import prepare
from kerasnorm.recipe import Recipe, fit
from kerasnorm.transfer import fine_tune

pytestmark = [pytest.mark.distributed, pytest.mark.usefixtures("without_tracing")]


def source():
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(5, "relu", name="low"), keras.layers.Dense(4, "relu")]
    return keras.Sequential([keras.Input((6,)), *layers, keras.layers.Dense(CLASSES, name="head")])


def examples():
    rng = np.random.default_rng(0)
    return rng.normal(size=(45, 6)).astype("float32"), np.arange(45) % CLASSES


def on_two(model):
    return prepare(model, replicas(2))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"decay": 0.5, "gradual": 1},
        {"monitor": "val_accuracy", "class_weight": {0: 1.0, 1: 3.0, 2: 1.0}},
        {"strategy": "freeze", "cache": False},
    ],
    ids=["plain", "gradual", "best", "frozen"],
)
def test_fine_tune_is_that_of_one_device(settings):
    data = examples()
    found, expected = (
        fine_tune(
            source(),
            data,
            data,
            head_epochs=1,
            epochs=2,
            seed=0,
            verbose=0,
            prepare=way,
            **settings,
        )
        for way in (on_two, None)
    )
    assert difference(found.model.get_weights(), expected.model.get_weights()) < 1e-5
    assert found.history.keys() == expected.history.keys()
    for name, values in expected.history.items():
        np.testing.assert_allclose(found.history[name], values, rtol=1e-4, err_msg=name)
    assert type(found.model) is type(expected.model)


def test_a_recipe_is_carried_out_the_same():
    recipe = Recipe(imbalance="resample")
    data = examples()
    found, expected = (
        fit(recipe, source(), data, data, epochs=2, seed=0, verbose=0, prepare=way)
        for way in (on_two, None)
    )
    assert difference(found.model.get_weights(), expected.model.get_weights()) < 1e-5
    assert (found.evaluation.confusion == expected.evaluation.confusion).all()


def test_backups_of_several_machines_are_refused(monkeypatch, tmp_path):
    config = '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}'
    monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(ValueError, match=r"`backup_dir` is for one machine.*resume_callbacks"):
        fit(Recipe(), source(), examples(), backup_dir=tmp_path, verbose=0)


@pytest.mark.parametrize("strategy", ["fine_tune", "scratch", "as_is", "freeze"])
def test_keras_own_models_are_refused_in_the_scope(strategy):
    """Where a batch cannot be divided equally, they fail, or weigh its examples otherwise."""
    settings = {"strategy": strategy, "head_epochs": 1, "epochs": 1, "batch_size": 15, "verbose": 0}
    message = r"a scope of 2 replicas\. Pass `prepare=kerasnorm\.distribute\.prepare`"
    with replicas(2).scope(), pytest.raises(ValueError, match=message):
        fine_tune(source(), examples(), **settings)


def test_in_the_scope_with_prepare():
    data, settings = examples(), {"epochs": 2, "batch_size": 15, "seed": 0, "verbose": 0}
    with replicas(2).scope():
        found = fine_tune(source(), data, data, prepare=prepare, **settings)
    expected = fine_tune(source(), data, data, **settings)
    assert difference(found.model.get_weights(), expected.model.get_weights()) < 1e-5


def test_an_svm_needs_no_prepare():
    settings = {"strategy": "svm", "batch_size": 15, "seed": 0, "verbose": 0}
    with replicas(2).scope():
        found = fine_tune(source(), examples(), **settings)
    expected = fine_tune(source(), examples(), **settings)
    assert difference(found.model.get_weights(), expected.model.get_weights()) < 1e-5
