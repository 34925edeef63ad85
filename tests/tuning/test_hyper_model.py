"""`RecipeHyperModel` in the hands of keras-tuner's own tuners."""

import importlib.util
import json

import keras
import keras_tuner
import numpy as np
import pytest
from backends import once
from recipe.recipe_models import perceptron
from tuning.tuning_models import (
    HELD_OUT,
    SPACE,
    TRAIN,
    Trainings,
    hypermodel,
    layer,
)

from kerasnorm import tuning
from kerasnorm.recipe import Recipe

pytestmark = pytest.mark.usefixtures("without_tracing")
OBJECTIVE = keras_tuner.Objective("val_balanced_accuracy", "max")


def tuner_of(kind, model, folder, **kwargs):
    arguments = {"seed": 1, "directory": folder, "project_name": "trials", **kwargs}
    if kind is not keras_tuner.Hyperband:
        arguments.setdefault("max_trials", 2)
    return kind(model, objective=OBJECTIVE, **arguments)


@once
def test_any_tuner_leaves_the_runs_of_the_best(tmp_path):
    model = hypermodel(seed=0, keep_runs=1)
    assert isinstance(model, keras_tuner.HyperModel) and isinstance(model, tuning.RecipeHyperModel)
    kwargs = {"max_trials": 3, "num_initial_points": 2}
    tuner = tuner_of(keras_tuner.BayesianOptimization, model, tmp_path, **kwargs)
    tuner.search(TRAIN, HELD_OUT, epochs=1, verbose=0)
    *earlier, last = trials = [*tuner.oracle.trials.values()]
    assert [trial.status for trial in trials] == ["COMPLETED"] * 3
    for trial in trials:
        figures = {name: trial.metrics.get_last_value(name) for name in trial.metrics.metrics}
        assert figures.keys() >= {"loss", "accuracy", "val_loss", "val_accuracy", "seconds"}
        assert trial.score == figures["val_balanced_accuracy"]
    assert isinstance(model.recipe_of(tuner.get_best_hyperparameters()[0]), Recipe)
    best = max(earlier, key=lambda trial: trial.score)
    left = [trial for trial in earlier if run_of(tmp_path, trial).exists()]
    assert left == [best] and run_of(tmp_path, last).exists()
    assert len(list(tmp_path.rglob("checkpoint*"))) == 2


def test_the_score_is_that_of_the_model_left(tmp_path):
    """keras-tuner's own is that of the best epoch, which no model may have in the end."""
    tuner = tuner_of(keras_tuner.RandomSearch, hypermodel(seed=0), tmp_path)
    tuner.search(TRAIN, HELD_OUT, epochs=2, verbose=0)
    for trial in tuner.oracle.trials.values():
        run = tmp_path / "trials" / f"trial_{trial.trial_id}" / "run"
        model = keras.saving.load_model(run / "model.keras")
        hits = model.predict(HELD_OUT[0], verbose=0).argmax(axis=1) == HELD_OUT[1]
        recalls = [hits[HELD_OUT[1] == label].mean() for label in range(3)]
        assert trial.score == pytest.approx(np.mean(recalls))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        expected = float(loss(HELD_OUT[1], model.predict(HELD_OUT[0], verbose=0)))
        assert trial.metrics.get_last_value("val_loss") == pytest.approx(expected, rel=1e-5)
        written = Recipe.from_json((run / "recipe.json").read_text())
        assert written == tuner.hypermodel.recipe_of(trial.hyperparameters)


@once
def test_hyperband_trains_the_better_for_longer(tmp_path):
    """Also where the recipe changes the layers, whose weights could not go into another's."""
    space = {**SPACE, "normalization": ["layer"]}
    begun = Trainings()
    model = hypermodel(space, normalized, seed=0, callbacks=[begun])
    tuner = tuner_of(keras_tuner.Hyperband, model, tmp_path, max_epochs=2, factor=2)
    tuner.search(TRAIN, HELD_OUT, epochs=7, verbose=0)
    trials = list(tuner.oracle.trials.values())
    assert {trial.status for trial in trials} == {"COMPLETED"}
    # one bracket of 2 recipes for one epoch, the better of which goes on; one of 2 for two
    assert sorted(begun.begun) == [2, 2, 3, 3, 3]  # and the solved head before
    first = max(trials[:2], key=lambda trial: trial.score)
    again = [trial for trial in trials[2:] if trial.hyperparameters.values["tuner/round"] == 1]
    assert [model.recipe_of(t.hyperparameters) for t in again] == [
        model.recipe_of(first.hyperparameters)
    ]
    assert (
        len(json.loads(run_of(tmp_path, again[0]).joinpath("history.json").read_text())["loss"])
        == 3
    )


def normalized():
    layers = [keras.layers.BatchNormalization(), keras.layers.Dense(3)]
    return keras.Sequential([keras.Input((4,)), *layers])


def run_of(folder, trial):
    return folder / "trials" / f"trial_{trial.trial_id}" / "run"


@once
@pytest.mark.parametrize(
    "space",
    [{"transfer_settings.head_epochs": [5, 0]}, {"transfer_settings.until": ["nothing", 0]}],
)
def test_a_contradiction_fails_the_trial_only(space, tmp_path):
    """Though the first choices, which keras-tuner builds before any trial, contradict."""
    tuner = tuner_of(keras_tuner.GridSearch, hypermodel(space, seed=0), tmp_path)
    tuner.search(TRAIN, HELD_OUT, epochs=1, verbose=0)
    assert [trial.status for trial in tuner.oracle.trials.values()] == ["FAILED", "COMPLETED"]


def test_the_model_may_depend_on_the_recipe():
    model = hypermodel({"normalization": ["layer"]}, lambda recipe: named(recipe.normalization))
    assert model.build(keras_tuner.HyperParameters()).name == "layer"


def named(name):
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)], name=name)


@once
def test_a_contradiction_does_not_reach_the_model_function():
    """keras-tuner builds the first choices before any trial."""
    space = {"imbalance_settings.beta": [0.9], "imbalance_settings.scheme": ["effective_number"]}
    model = hypermodel({"imbalance": ["class_weights"], **space}, lambda recipe: perceptron())
    hp = keras_tuner.HyperParameters()
    model.declare_hyperparameters(hp)
    hp.values.pop("imbalance_settings.scheme")
    with pytest.raises(ValueError, match="belongs to"):
        model.recipe_of(hp)
    assert isinstance(model.build(hp), keras.Model)


@once
def test_the_model_is_built_once_before_the_trials(tmp_path):
    """keras-tuner builds one for every condition that a build tells it of."""
    built = []

    def model_fn(recipe):
        built.append(recipe)
        return layer()

    tuner_of(keras_tuner.RandomSearch, hypermodel(tuning.spaces.everything(), model_fn), tmp_path)
    assert len(built) == 1


def test_policy_and_seed_hold_in_trials(tmp_path):
    """keras-tuner clears Keras' session before each trial, and the policy and seeds with it."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    seen = []

    def model_fn():
        model = perceptron()
        seen.append((model.layers[1].compute_dtype, model.get_weights()[0].tolist()))
        return model

    model = hypermodel(model_fn=model_fn, seed=3)
    tuner = tuner_of(keras_tuner.RandomSearch, model, tmp_path, max_trials=1)
    tuner.search(TRAIN, HELD_OUT, epochs=1, verbose=0)
    assert len(seen) == 2 and all(each == seen[0] for each in seen)
    assert seen[0][0] == "bfloat16"


@once
def test_outside_of_a_tuner():
    model = hypermodel({"transfer_settings.head_epochs": [1]})
    hp = keras_tuner.HyperParameters()
    figures = model.fit(hp, model.build(hp), TRAIN, HELD_OUT, epochs=2, verbose=0)
    assert figures["epochs"] == 2 and 0 <= figures["val_balanced_accuracy"] <= 1
    with pytest.raises(keras_tuner.errors.FailedTrialError, match="head_epochs=1, epochs=1"):
        model.fit(hp, model.build(hp), TRAIN, HELD_OUT, epochs=1, verbose=0)


@once
@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"batchsize": 8}, "'batchsize'"),
        ({"epochs": 8, "test": HELD_OUT}, "'epochs', 'test'"),
        ({"recipe": {}}, "`recipe`"),
        ({"keep_runs": 0}, "`keep_runs`"),
        ({"model_fn": perceptron()}, "function"),
        ({"model_fn": lambda recipe, seed: None}, "'recipe', 'seed'"),
    ],
)
def test_wrong_input_is_refused(kwargs, message):
    with pytest.raises(ValueError, match=message):
        hypermodel(**kwargs)


@once
@pytest.mark.parametrize("missing", ["keras_tuner", "tensorboard"])
def test_says_what_is_missing(missing, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == missing else find(name)
    )
    with pytest.raises(ImportError, match=rf"'{missing}', of the extra 'tuning': pip install"):
        hypermodel()
