"""A tuner of keras-tuner's as nested values, and back."""

from collections.abc import Callable
from typing import Any

_ENDED = ("COMPLETED", "FAILED")


def state_of(tuner: Any) -> dict[str, Any]:
    """Returns what a later process needs to continue with the tuner's trials."""
    oracle = tuner.oracle
    return {
        "tuner": tuner.get_state(),
        "oracle": oracle.get_state(),
        "trials": [trial.get_state() for trial in oracle.trials.values()],
    }


def restore(tuner: Any, state: dict[str, Any]) -> None:
    """Brings a new tuner to a state; trials that were running are to run again."""
    oracle = tuner.oracle
    oracle.trials = {trial.trial_id: trial for trial in trials_in(state)}
    oracle.set_state(state["oracle"])
    running = [each for each in oracle.ongoing_trials.values() if each.status not in _ENDED]
    oracle._retry_queue += [trial.trial_id for trial in running]
    oracle.ongoing_trials = {}
    tuner.set_state(state["tuner"])


def trials_in(state: dict[str, Any]) -> list[Any]:
    """Returns keras-tuner's trials of a state."""
    from keras_tuner.engine.trial import Trial

    return [Trial.from_state(each) for each in state["trials"]]


def save_by(tuner: Any, write: Callable[[], None]) -> None:
    """Lets a function write wherever a tuner and its oracle would write their several files."""
    tuner.save = tuner.oracle.save = write
    tuner.oracle._save_trial = lambda trial: None  # `save` follows, but for figures before the end
