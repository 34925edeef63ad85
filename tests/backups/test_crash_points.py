"""Killed at any file operation, and started again: as if nothing had been, or an error that helps.

A sample of the points in `make test`; all of them in the soak.
"""

import json
import os
import shutil

import keras
import numpy as np
import pytest
from backends import once
from cli.image_folders import write_images
from crash_points import CrashPoints
from recipe.recipe_models import perceptron, points
from transfer.tasks.small_tasks import measure
from tuning.tuning_models import hypermodel, quick_search, told

from kerasnorm._claims import PART
from kerasnorm.cli import main
from kerasnorm.recipe import Recipe, Run, fit
from kerasnorm.transfer import fine_tune

pytestmark = [once, pytest.mark.usefixtures("without_tracing")]
EVERY = "KERASNORM_CRASH_POINTS" in os.environ
SAMPLE = 3
TRAIN, HELD_OUT = points(), points((6, 5, 4), seed=1)


def model():
    keras.utils.set_random_seed(3)
    return perceptron(3)


def of_fine_tune(folder):
    stop = keras.callbacks.EarlyStopping("loss", patience=3, restore_best_weights=True)
    tuned = fine_tune(
        model(),
        TRAIN,
        HELD_OUT,
        head_epochs=2,
        epochs=20 if EVERY else 2,
        seed=5,
        monitor="val_loss",
        callbacks=[stop],
        backup_dir=folder / "backup",
        jit_compile=False,
        verbose=0,
    )
    return {"weights": tuned.model.get_weights(), "history": tuned.history}


def of_fit(folder):
    recipe = Recipe(correction="adjust_logits")
    where = {"output": folder / "run", "backup_dir": folder / "backup"}
    settings = {"seed": 1, "jit_compile": False, "verbose": 0, "overwrite": True, **where}
    run = fit(recipe, model(), TRAIN, HELD_OUT, 5 if EVERY else 3, **settings)
    assert run.history == Run.load(folder / "run").history
    return {"weights": run.model.get_weights(), "history": run.history}


def of_command(folder):
    photos = folder.parent / "photos"
    if not photos.exists():
        write_images(photos)
    where = ["--out", folder / "run", "--backup", folder / "backup", "--overwrite"]
    how = ["--image-size", "16", "--epochs", 2, "--transfer", "scratch"]
    assert main([str(each) for each in ("fit", photos, *where, *how)]) == 0
    run = Run.load(folder / "run")
    return {"weights": run.model.get_weights(), "history": run.history}


def of_search(folder):
    found = quick_search(hypermodel(), directory=folder / "study", max_trials=2)
    return {"weights": found.best_model.get_weights(), "history": told(found)}


def of_tasks(folder):
    found = measure(epochs=1, directory=folder / "measured").run(verbose=0)
    return {"weights": [found.losses], "history": found.sources}


SLOW = [pytest.param(work, marks=pytest.mark.slow) for work in (of_fit, of_command, of_search)]
WORKS = [of_fine_tune, of_tasks, *SLOW]
HELPS = ("Choose another", "start anew", "Remove", "overwrite")


def chosen(states):
    names = list(states)
    if EVERY:
        return names
    return [names[i] for i in np.linspace(0, len(names) - 1, SAMPLE).astype(int)]


@pytest.fixture(autouse=True)
def on_one_device(monkeypatch):
    monkeypatch.setattr("kerasnorm.cli.running._job.replicas", lambda: 1)
    monkeypatch.setattr("kerasnorm.cli.running._fit.replicas", lambda: 1)


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.__name__)
def test_a_kill_at_any_file_operation(work, tmp_path, capsys):
    folder = tmp_path / "work"
    folder.mkdir()
    crashes = CrashPoints(folder, tmp_path / "copies")
    with crashes():
        expected = work(folder)
    outcomes = {"equal": 0, "refused": 0}
    for name in chosen(crashes.states):
        shutil.rmtree(folder)
        shutil.copytree(crashes.states[name], folder, symlinks=True)
        try:
            found = work(folder)
        except (ValueError, FileExistsError) as error:
            assert any(words in str(error) for words in HELPS), f"{name}: {error}"
            outcomes["refused"] += 1
            continue
        for one, other in zip(found["weights"], expected["weights"], strict=True):
            np.testing.assert_array_equal(one, other, err_msg=name)
        assert found["history"] == expected["history"], name
        left = [path.name for path in folder.rglob("*") if path.name.startswith(PART)]
        assert not left, f"{name}: {left}"
        outcomes["equal"] += 1
    assert outcomes["refused"] <= outcomes["equal"]
    with capsys.disabled():
        told_of = {"points": crashes.count, "states": len(crashes.states), **outcomes}
        print(f"\n{work.__name__}: {json.dumps(told_of)}") if EVERY else None
