"""Converts trials to rows."""

from collections.abc import Iterable
from operator import itemgetter
from pathlib import Path
from typing import Any

from kerasnorm.tuning._recipe_hyper_model import RecipeHyperModel
from kerasnorm.tuning._trial_runs import has_trials

_ALL = 2**31 - 1  # trials, for keras-tuner's protocol


def rows_of(trials: Iterable[Any], hypermodel: RecipeHyperModel) -> list[dict[str, Any]]:
    """Returns a row for each of keras-tuner's trials, by its number, as `Search.trials` has it."""
    return sorted((_row(trial, hypermodel) for trial in trials), key=itemgetter("number"))


def trials_of(tuner: Any) -> list[Any]:
    """Returns keras-tuner's trials; a worker reads what the chief wrote."""
    from keras_tuner.engine.trial import Trial

    if has_trials(tuner):
        return [*tuner.oracle.trials.values()]
    ids = [trial.trial_id for trial in tuner.oracle.get_best_trials(_ALL)]
    return [Trial.load(str(Path(tuner.get_trial_dir(name), "trial.json"))) for name in ids]


def _row(trial: Any, hypermodel: RecipeHyperModel) -> dict[str, Any]:
    completed = trial.status == "COMPLETED"
    figures = ("epochs", "seconds") if completed else ()
    return row(
        hypermodel,
        trial.hyperparameters,
        int(trial.trial_id),
        trial.score if completed else None,
        {name: trial.metrics.get_last_value(name) for name in figures},
        "" if completed else reason(trial.message),
    )


def row(
    hypermodel: RecipeHyperModel,
    hp: Any,
    number: int,
    score: float | None,
    figures: dict[str, float],
    message: str,
) -> dict[str, Any]:
    """Returns a row; the score of a trial that failed is None."""
    try:
        recipe = hypermodel.recipe_of(hp)
    except ValueError:
        recipe = None
    return {
        "number": number,
        "status": "failed" if score is None else "completed",
        "score": score,
        "recipe": recipe,
        "settings": hypermodel.space.drawn(hp),
        "epochs": None if score is None else int(figures["epochs"]),
        "seconds": None if score is None else figures["seconds"],
        "message": message,
    }


def reason(message: str | None) -> str:
    """Returns what a traceback says in the end, without where.

    >>> frames = 'Traceback (most recent call last):\\n  File "fit.py", line 1, in fit\\n    x\\n'
    >>> reason(frames + "ValueError: no such x\\n")
    'ValueError: no such x'
    """
    if message is None:  # keras-tuner has no message for it
        return "its score is not a number"
    lines = message.rpartition("Traceback (most recent call last):\n")[2].splitlines()
    while lines and lines[0].startswith(" "):
        lines.pop(0)
    return "\n".join(lines).removeprefix("keras_tuner.src.errors.FailedTrialError: ").strip()
