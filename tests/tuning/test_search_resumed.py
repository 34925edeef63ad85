"""A search that is killed and called again."""

import signal

import keras
import pytest
from backends import once
from processes import SUPPORT, run_in_a_new_process
from tuning.tuning_models import HELD_OUT, Trainings, hypermodel, quick_search, told

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
    finished = {path: path.read_bytes() for path in folder.rglob("trial_0/trial.json")}
    assert len(finished) == 1 and [*folder.rglob(".run-*")]
    begun = Trainings()
    resumed = quick_search(hypermodel(callbacks=[begun]), directory=folder, max_trials=2)
    assert len(begun.begun) == 1
    assert finished == {path: path.read_bytes() for path in finished}
    undisturbed = quick_search(max_trials=2)
    assert [row["recipe"] for row in resumed.trials] == [
        row["recipe"] for row in undisturbed.trials
    ]
    assert told(resumed)[1] == told(undisturbed)[1]
    assert not [*folder.rglob(".run-*")]


class Interrupt(Trainings):
    def on_train_begin(self, logs=None):
        raise KeyboardInterrupt


def test_the_first_trial_is_run_again(tmp_path):
    """keras-tuner writes what it needs to go on after the first trial only."""
    with pytest.raises(KeyboardInterrupt):
        quick_search(hypermodel(callbacks=[Interrupt()]), seed=None, directory=tmp_path)
    trial = next(tmp_path.rglob("trial.json"))
    drawn = trial.read_text()
    found = quick_search(seed=None, directory=tmp_path, max_trials=1)
    value = found.trials[0]["settings"]["optimizer_settings.learning_rate"]
    assert repr(value) in drawn


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
