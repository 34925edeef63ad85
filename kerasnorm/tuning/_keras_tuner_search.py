"""Searches with a tuner of keras-tuner: alone, as its chief, or as a worker."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kerasnorm.tuning._chief import beside_chief, serve, work
from kerasnorm.tuning._recipe_hyper_model import RecipeHyperModel
from kerasnorm.tuning._roles import Role
from kerasnorm.tuning._rows import rows_of, trials_of
from kerasnorm.tuning._search_result import Search, outcome
from kerasnorm.tuning._study import PROJECT, begin, join, plan_of
from kerasnorm.tuning._trial_runs import TrialRun, has_trials, keep_best


def search_alone(
    tuner: Any, hypermodel: RecipeHyperModel, data: tuple[Any, Any], **arguments: Any
) -> Search:
    """Runs all trials in this process.

    Args:
        tuner: Keras-tuner's.
        hypermodel: The tuner's.
        data: For training and for validation.
        **arguments: Arguments of the trainings, `epochs` and `verbose`.

    Raises:
        RuntimeError: If no trial completed.
    """
    _begin(tuner, hypermodel, arguments["epochs"])
    try:
        tuner.search(*data, **arguments)
    except RuntimeError:  # a tuner's own limit of failures in a row
        trials = tuner.oracle.trials.values()
        if not trials or any(trial.status == "COMPLETED" for trial in trials):
            raise
    return _result(tuner, hypermodel)


def search_as_chief(
    tuner: Any, hypermodel: RecipeHyperModel, role: Role, timeout: float, **arguments: Any
) -> Search:
    """Lets workers run the trials.

    Args:
        tuner: Keras-tuner's.
        hypermodel: The tuner's.
        role: The chief's.
        timeout: Seconds without a sign of life after which a worker is considered lost.
        **arguments: Those of the workers.

    Raises:
        ValueError: If it cannot listen at its address.
        RuntimeError: If no trial completed, or no worker is left.
    """
    _begin(tuner, hypermodel, arguments["epochs"])
    tuner.oracle.verbose = arguments["verbose"]
    serve(tuner, role, timeout)
    return _result(tuner, hypermodel)


def search_as_worker(
    make: Callable[[], Any],
    hypermodel: RecipeHyperModel,
    role: Role,
    directory: Path,
    timeout: float,
    data: tuple[Any, Any],
    **arguments: Any,
) -> Search:
    """Runs trials for a chief, and returns what it has in the end.

    Args:
        make: Returns keras-tuner's tuner.
        hypermodel: The tuner's.
        role: The worker's.
        directory: Folder of the study.
        timeout: Seconds to wait for the chief's answers, and without a sign of life after which
            this worker is considered lost.
        data: For training and for validation.
        **arguments: Arguments of the trainings, `epochs` and `verbose`.

    Raises:
        ValueError: If the chief's study is another one.
        RuntimeError: If the chief does not answer, or no trial completed.
    """
    folder = directory / PROJECT
    with beside_chief(role, folder, timeout) as heartbeat:
        tuner = make()
        join(folder, _plan(tuner, hypermodel, arguments["epochs"]))
        work(tuner, role, heartbeat, *data, **arguments)
        return _result(tuner, hypermodel)


def _begin(tuner: Any, hypermodel: RecipeHyperModel, epochs: int) -> None:
    begin(Path(tuner.project_dir), _plan(tuner, hypermodel, epochs))
    tuner.save()  # keras-tuner would after the first trial, and lose that one if killed in it


def _plan(tuner: Any, hypermodel: RecipeHyperModel, epochs: int) -> dict[str, Any]:
    return plan_of(type(tuner).__name__, hypermodel, epochs, tuner.oracle.objective)


def _result(tuner: Any, hypermodel: RecipeHyperModel) -> Search:
    trials = trials_of(tuner)
    found = outcome(
        rows_of(trials, hypermodel),
        tuner.oracle.objective,
        {int(trial.trial_id): TrialRun(tuner, trial).folder for trial in trials},
    )
    if has_trials(tuner):
        keep_best(tuner, hypermodel.keep_runs)
    return found
