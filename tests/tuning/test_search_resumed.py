"""A search that is killed and called again."""

import signal

import keras
import keras_tuner
import pytest
from backends import once
from processes import SUPPORT, run_in_a_new_process
from tuning.tuning_models import HELD_OUT, TRAIN, Trainings, hypermodel, quick_search, told

from kerasnorm.backups import read_state
from kerasnorm.recipe import Recipe
from kerasnorm.tuning import search

pytestmark = [once, pytest.mark.usefixtures("without_tracing")]

KILLED = """
import os, pathlib, signal, sys
sys.path[:0] = sys.argv[2:]
import keras
from tuning.tuning_models import hypermodel, quick_search

class Kill(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if pathlib.Path(sys.argv[1], "trials", "trial_1").exists():
            os.kill(os.getpid(), signal.SIGKILL)

quick_search(hypermodel(callbacks=[Kill()]), directory=sys.argv[1])
"""


@pytest.mark.distributed
def test_a_killed_search_goes_on(tmp_path):
    """Nothing finished is lost or repeated; the trial that ran is run again, with its values."""
    folder = tmp_path / "killed"
    with pytest.raises(AssertionError, match=f"Ended with {-signal.SIGKILL}"):
        run_in_a_new_process(KILLED, folder, SUPPORT)
    finished = completed(folder)
    assert len(finished) == 1 and [*folder.rglob(".run-*")]
    begun = Trainings()
    resumed = quick_search(hypermodel(callbacks=[begun]), directory=folder, max_trials=2)
    assert len(begun.begun) == 1
    assert finished == completed(folder)[:1]
    undisturbed = quick_search(max_trials=2)
    assert [row["recipe"] for row in resumed.trials] == [
        row["recipe"] for row in undisturbed.trials
    ]
    assert told(resumed)[1] == told(undisturbed)[1]
    assert not [*folder.rglob(".run-*")]


def completed(folder):
    """The trials that are, as the study's file has them."""
    trials = read_state(folder / "trials.npz")["state"]["trials"]
    return [trial for trial in trials if trial["status"] == "COMPLETED"]


class StopIn(keras.callbacks.Callback):
    """Interrupts the first training in an epoch, and counts all epochs."""

    epochs = 0

    def __deepcopy__(self, memo):
        return self

    def on_epoch_begin(self, epoch, logs=None):
        self.epochs += 1
        if self.epochs == 4:
            raise KeyboardInterrupt


@pytest.mark.parametrize("tuner", ["random", "made"])
@pytest.mark.parametrize("seed", [0, None])
def test_a_trial_resumes_after_its_last_epoch(tuner, seed, tmp_path):
    """With the study's seed, where the search has none."""
    stop, settings = StopIn(), {"epochs": 5, "verbose": 0}

    def searched():
        model = hypermodel(recipe=Recipe(transfer="scratch"), callbacks=[stop], seed=seed)
        if tuner == "random":
            return quick_search(model, directory=tmp_path, max_trials=1, seed=seed, **settings)
        goal = keras_tuner.Objective("val_accuracy", "max")
        made = keras_tuner.RandomSearch(model, goal, 1, seed=1, directory=tmp_path)
        return search(model, TRAIN, HELD_OUT, made, **settings)

    with pytest.raises(KeyboardInterrupt):
        searched()
    found = searched()
    again = seed is None and tuner == "made"  # without a seed, from other weights
    assert stop.epochs == (9 if again else 6) and found.trials[0]["epochs"] == 5
    assert not [*tmp_path.rglob("backup*")]


def test_a_trial_that_fails_leaves_no_backup(tmp_path):
    class Fail(StopIn):
        def on_epoch_begin(self, epoch, logs=None):
            self.epochs += 1
            if self.epochs == 2:
                raise TypeError("no such epoch")

    model = hypermodel(recipe=Recipe(transfer="scratch"), callbacks=[Fail()])
    found = quick_search(model, directory=tmp_path, max_trials=2, epochs=2)
    assert [row["status"] for row in found.trials] == ["failed", "completed"]
    assert not [*tmp_path.rglob("backup*")]


class Interrupt(Trainings):
    def on_train_begin(self, logs=None):
        raise KeyboardInterrupt


def test_the_first_trial_is_run_again(tmp_path):
    """keras-tuner writes what it needs to go on after the first trial only."""
    with pytest.raises(KeyboardInterrupt):
        quick_search(hypermodel(callbacks=[Interrupt()]), seed=None, directory=tmp_path)
    (trial,) = read_state(tmp_path / "trials.npz")["state"]["trials"]
    found = quick_search(seed=None, directory=tmp_path, max_trials=1)
    drawn = trial["hyperparameters"]["values"]["optimizer_settings.learning_rate"]
    assert found.trials[0]["settings"]["optimizer_settings.learning_rate"] == drawn


def test_a_study_runs_no_code(tmp_path):
    """A file that somebody else has put in the place of the best model."""
    settings = {"directory": tmp_path, "max_trials": 1}
    quick_search(**settings)
    (path,) = tmp_path.rglob("model.keras")
    layers = [keras.Input((4,)), keras.layers.Lambda(lambda x: x), keras.layers.Dense(3)]
    keras.Sequential(layers).save(path)
    with pytest.raises(ValueError, match=r"model\.keras' holds no model that can be read.*Lambda"):
        quick_search(**settings)


def test_a_study_of_other_data_is_refused(tmp_path, monkeypatch):
    settings = {"directory": tmp_path, "max_trials": 1}
    quick_search(**settings)
    monkeypatch.setattr("tuning.tuning_models.TRAIN", HELD_OUT)
    with pytest.raises(ValueError, match="began with data="):
        quick_search(**settings)
