"""Saves the trained `Run` of a trial in its folder."""

import dataclasses
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerasnorm import _claims
from kerasnorm.recipe import ContourEvaluation, Run


@dataclasses.dataclass(frozen=True)
class TrialRun:
    """The training of a trial of keras-tuner.

    Attributes:
        tuner: The `keras_tuner.Tuner`.
        trial: Its `Trial`.
    """

    tuner: Any
    trial: Any

    @classmethod
    def found_in(cls, callbacks: Iterable[keras.callbacks.Callback]) -> "TrialRun | None":
        """Returns the trial that is running, which only a callback of keras-tuner's knows.

        None outside of keras-tuner.
        """
        for callback in callbacks:
            if hasattr(callback, "tuner") and hasattr(callback, "trial"):
                return cls(callback.tuner, callback.trial)
        return None

    @property
    def folder(self) -> Path:
        """Where the run is."""
        return Path(self.tuner.get_trial_dir(self.trial.trial_id), "run")

    @property
    def figures(self) -> dict[str, float]:
        """The figures that are known already.

        They are if a tuner's own `search` was killed after the trial's end and before keras-tuner
        had written that it ended; it then runs the trial again.
        """
        metrics = self.trial.metrics
        if not metrics.exists(self.tuner.oracle.objective.name):
            return {}
        return {name: metrics.get_last_value(name) for name in metrics.metrics}

    def prepare(self, keep: int) -> Path:
        """Returns the folder for the run, with what a killed process left there removed.

        Removes the runs of all trials but the best, too.
        """
        if has_trials(self.tuner):  # the chief has them, and does it for its workers
            keep_best(self.tuner, keep)
        clear(self.folder)
        return self.folder


def clear(run: Path) -> None:
    """Removes a trial's run, and what a killed process left of one; a backup stays."""
    if run.parent.exists():
        for leftover in [*_claims.parts_of(run), run]:
            _claims.remove(leftover)


def discard(run: Path) -> None:
    """Removes a run, or the backup of one, if it is there; another process may do the same."""
    shutil.rmtree(run, ignore_errors=True)
    for backup in run.parent.glob("backup*.npz"):
        backup.unlink(missing_ok=True)


def has_trials(tuner: Any) -> bool:
    """Returns whether a tuner has the trials itself, and does not ask a chief for one."""
    import keras_tuner

    return isinstance(tuner.oracle, keras_tuner.Oracle)


def keep_best(tuner: Any, keep: int) -> None:
    """Removes the models of all trials that ended but the best `keep`."""
    ended = [t for t in tuner.oracle.trials.values() if t.status in ("COMPLETED", "FAILED")]
    best = [t for t in tuner.oracle.get_best_trials(keep) if t.status == "COMPLETED"]
    for trial in ended:
        if trial not in best:
            run = TrialRun(tuner, trial).folder
            discard(run)
            for weights in run.parent.glob("checkpoint*"):  # keras-tuner's own, as large
                weights.unlink()


def figures_of(run: Run, keep: str) -> dict[str, float]:
    """Returns the figures of the model that a training kept: "best" or "last", as `fit` says."""
    evaluation = run.evaluation
    scores = [] if evaluation is None else run.history.get(evaluation.monitor, [])
    epoch = int(np.argmax(scores)) if scores and keep == "best" else -1
    figures = {name: values[epoch] for name, values in run.history.items()}
    if evaluation is not None:  # a correction may have come after the last epoch
        if not isinstance(evaluation, ContourEvaluation):  # which has no classes to balance
            figures["val_accuracy"] = evaluation.accuracy
            figures["val_balanced_accuracy"] = evaluation.balanced_accuracy
        figures[evaluation.monitor] = evaluation.score
    return figures
