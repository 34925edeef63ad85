"""The trials of a tuner as rows."""

from typing import Any

from kerasnorm.tuning.hyper_model import RecipeHyperModel


def rows_of(tuner: Any, hypermodel: RecipeHyperModel) -> list[dict[str, Any]]:
    """Returns a row for each trial, by its number, as `Search.trials` has them."""
    trials = sorted(tuner.oracle.trials.values(), key=lambda trial: int(trial.trial_id))
    return [_row(trial, hypermodel) for trial in trials]


def _row(trial: Any, hypermodel: RecipeHyperModel) -> dict[str, Any]:
    settings = hypermodel.space.drawn(trial.hyperparameters)
    try:
        recipe = hypermodel.recipe_of(trial.hyperparameters)
    except ValueError:
        recipe = None
    completed = trial.status == "COMPLETED"
    return {
        "number": int(trial.trial_id),
        "status": trial.status.lower(),
        "score": trial.score if completed else None,
        "recipe": recipe,
        "settings": settings,
        "epochs": int(trial.metrics.get_last_value("epochs")) if completed else None,
        "seconds": trial.metrics.get_last_value("seconds") if completed else None,
        "message": "" if completed else reason(trial.message),
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
