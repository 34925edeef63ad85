"""Searches of processes that share an Optuna study."""

import signal
import time

import pytest
from backends import once
from tuning.searchers import DEADLINE, found_by, searchers
from tuning.tuning_models import (
    CONTRADICTION,
    SPACE,
    Trainings,
    hypermodel,
    layer,
    quick_search,
    told,
)

from kerasnorm.tuning import integers
from kerasnorm.tuning._shared_study import SharedStudy

optuna = pytest.importorskip("optuna")
pytestmark = [once, pytest.mark.distributed, pytest.mark.usefixtures("without_tracing")]


def shared_search(*arguments, **kwargs):
    return quick_search(*arguments, distributed="optuna", **kwargs)


def test_a_killed_process_costs_no_trial(tmp_path):
    with searchers(tmp_path, "optuna", 4) as processes:
        survivor = processes.start("a", act="wait")
        victim = processes.start("b", act="die")
        processes.go()
        assert victim.wait(DEADLINE) == -signal.SIGKILL
        rows, best = found_by(survivor)
        assert [(row["number"], row["status"]) for row in rows] == [
            (number, "completed") for number in range(4)
        ]
        assert best == max(rows, key=lambda row: row["score"])["recipe"]
    undisturbed = shared_search(directory=tmp_path / "other", max_trials=4)
    assert [row["settings"] for row in rows] == [row["settings"] for row in undisturbed.trials]


def test_trials_of_one_process_are_those_of_several(tmp_path):
    """The seed and the number decide. The next call goes on; a larger `max_trials` adds trials."""
    begun = Trainings()
    model = hypermodel({**SPACE, "optimizer_settings.beta_1": [0.8, 0.9]}, callbacks=[begun])
    first = shared_search(model, directory=tmp_path, max_trials=2)
    again = shared_search(model, directory=tmp_path, max_trials=2)
    assert len(begun.begun) == 2 and again.trials == first.trials
    more = shared_search(model, directory=tmp_path, max_trials=4)
    assert len(begun.begun) == 4 and more.trials[:2] == first.trials
    whole = shared_search(model, directory=tmp_path / "whole", max_trials=4)
    assert told(whole) == told(more)
    drawn = [row["settings"]["optimizer_settings.learning_rate"] for row in more.trials]
    assert len({*drawn}) == 4
    for row in more.trials:  # a setting only where a recipe has it
        weighed = row["settings"]["imbalance"] == "class_weights"
        assert ("imbalance_settings.scheme" in row["settings"]) == weighed


def test_only_the_best_runs_stay(tmp_path):
    found = shared_search(hypermodel(keep_runs=1), directory=tmp_path, max_trials=3)
    best = max(found.trials, key=lambda row: row["score"])["number"]
    assert [path.parent.name for path in tmp_path.glob("trials/*/run")] == [f"trial_{best}"]


def test_failures_are_told(tmp_path):
    def model_fn(recipe):
        if recipe.imbalance == "resample":
            raise TypeError("no such model")
        return layer()

    model = hypermodel({"imbalance": ["resample"], **CONTRADICTION}, model_fn)
    with pytest.raises(RuntimeError, match="3 failed with: TypeError: no such model"):
        shared_search(model, directory=tmp_path / "type")
    with pytest.raises(RuntimeError, match="3 failed with: `head_epochs` should leave"):
        shared_search(hypermodel(CONTRADICTION), directory=tmp_path / "value")


def test_guesses(tmp_path):
    space = {**SPACE, "transfer_settings.head_epochs": integers(0, 1)}
    arguments = {"tuner": "bayesian", "epochs": 2, "max_trials": 2}
    found = shared_search(hypermodel(space), directory=tmp_path, **arguments)
    assert [row["status"] for row in found.trials] == ["completed"] * 2
    assert {row["settings"]["transfer_settings.head_epochs"] for row in found.trials} <= {0, 1}


def study(folder, timeout=60):
    return SharedStudy(
        folder / "trials", {}, "maximize", optuna.samplers.RandomSampler, 1, timeout=timeout
    )


def test_a_trial_that_two_processes_are_lost_in_failed(tmp_path):
    drawn = []
    for _ in range(3):
        process = study(tmp_path, timeout=0.3)
        with process.heartbeat:
            while (trial := process.claim()) is None and not process.is_over():
                time.sleep(0.05)
            if trial:
                drawn.append((trial.user_attrs["number"], trial.suggest_float("x", 0, 1)))
    assert len(drawn) == 2 and drawn[0] == drawn[1]
    [failed] = process.trials().values()
    assert failed.state.name == "FAIL" and failed.params == {"x": drawn[0][1]}


def test_a_process_that_was_slow_is_told(tmp_path):
    slow, other = study(tmp_path), study(tmp_path)
    with slow.heartbeat, other.heartbeat:
        trial = slow.claim()
        assert other.claim() is None
        process = trial.user_attrs["process"]
        (
            tmp_path / "trials" / "alive" / process
        ).unlink()  # what the others do to one they take for lost
        assert other.claim().user_attrs["number"] == trial.user_attrs["number"]
        with pytest.raises(RuntimeError, match=r"is considered lost.* no sign of life for 60 s"):
            slow.complete(trial, 1.0, {})


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"tuner": "hyperband"}, "should be 'random' or 'bayesian'.* Received: 'hyperband'"),
        ({"overwrite": True}, "would remove the trials of the other processes"),
        ({"directory": None}, "needs a `directory`"),
        ({"epochs": 2}, r"began with epochs=1\. Received: epochs=2"),
        ({"tuner": "bayesian"}, "began with tuner='Optuna random'"),
    ],
    ids=["tuner", "overwrite", "directory", "epochs", "sampler"],
)
def test_wrong_input_is_refused(kwargs, message, begun):
    before = {path: path.read_bytes() for path in begun.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match=message):
        shared_search(**{"directory": begun, "max_trials": 1, **kwargs})
    assert before == {path: path.read_bytes() for path in begun.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def begun(tmp_path_factory, without_tracing):
    folder = tmp_path_factory.mktemp("study")
    shared_search(directory=folder, max_trials=1)
    return folder
