"""Converts trials to rows."""

from collections.abc import Iterable
from operator import itemgetter
from typing import Any

from kerasnorm.tuning._recipe_hyper_model import RecipeHyperModel


def rows_of(trials: Iterable[Any], hypermodel: RecipeHyperModel) -> list[dict[str, Any]]:
    """Returns a row for each of keras-tuner's trials, by its number, as `Search.trials` has it."""
    return sorted((_row(trial, hypermodel) for trial in trials), key=itemgetter("number"))


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
