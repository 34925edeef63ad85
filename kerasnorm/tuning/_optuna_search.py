"""Searches with several processes that share an Optuna study."""

import functools
import math
import time
import traceback
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerasnorm._validation import require
from kerasnorm.tuning._heartbeat import LOST
from kerasnorm.tuning._recipe_hyper_model import RecipeHyperModel
from kerasnorm.tuning._rows import reason, row
from kerasnorm.tuning._search_result import Search, outcome
from kerasnorm.tuning._shared_study import SharedStudy
from kerasnorm.tuning._study import PROJECT, plan_of
from kerasnorm.tuning._trial_runs import clear, discard

_SAMPLERS = ("random", "bayesian")
_PAUSE = 0.5  # seconds between two questions for a trial when there is none now


def search_with_optuna(
    hypermodel: RecipeHyperModel,
    data: tuple[Any, Any],
    tuner: Any,
    directory: Path,
    objective: Any,
    max_trials: int,
    timeout: float,
    **arguments: Any,
) -> Search:
    """Runs trials of the study in a folder until all are finished, whichever process ran them.

    Args:
        hypermodel: Hypermodel, the same in all processes.
        data: For training and for validation.
        tuner: One of Optuna's samplers here, "random" or "bayesian".
        directory: Folder of the study.
        objective: Keras-tuner's `Objective`.
        max_trials: Number of trials of all processes together.
        timeout: Seconds without a sign of life after which a process is considered lost.
        **arguments: Arguments of the trainings, `epochs` and `verbose`.

    Raises:
        ValueError: If Optuna has no such tuner, or the study in the folder began with other
            arguments.
        ImportError: If Optuna is missing.
        RuntimeError: If no trial completed, or this process was considered lost.
    """
    require("optuna", extra="tuning")
    if tuner not in _SAMPLERS:
        raise ValueError(
            "With distributed='optuna', `tuner` should be 'random' or 'bayesian'; the others are "
            f"keras-tuner's. Received: {tuner!r}."
        )
    folder, seed = directory / PROJECT, hypermodel.fit_arguments.get("seed")
    study = SharedStudy(
        folder,
        plan_of(f"Optuna {tuner}", hypermodel, arguments["epochs"], objective),
        "maximize" if objective.direction == "max" else "minimize",
        functools.partial(_sampler, tuner, seed),
        max_trials,
        timeout,
    )
    with study.heartbeat:
        while (trial := study.claim()) or not study.is_over():
            if trial is None:  # others run; one of them may be lost
                time.sleep(_PAUSE)
                continue
            _run(study, trial, hypermodel, data, folder, objective.name, arguments)
            _keep_best(study, hypermodel.keep_runs, folder, objective)
    trials = study.trials()
    rows = [_row(hypermodel, number, trial) for number, trial in sorted(trials.items())]
    runs = {number: _run_folder(folder, number) for number in trials}
    return outcome(rows, objective, runs)


def _sampler(name: str, seed: int | None, number: int) -> Any:
    """Returns the sampler of one trial: the seed and the trial's number decide what it draws.

    A sampler that lived as long as its process would draw what those of the others draw.
    """
    import optuna

    if seed is not None:
        seed = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    if name == "random":
        return optuna.samplers.RandomSampler(seed)
    # with the liar, what others are just trying counts as bad, so that it is not tried twice
    return optuna.samplers.TPESampler(seed=seed, constant_liar=True)


def _run(
    study: SharedStudy,
    trial: Any,
    hypermodel: RecipeHyperModel,
    data: tuple[Any, Any],
    folder: Path,
    objective: str,
    arguments: dict[str, Any],
) -> None:
    output = _run_folder(folder, trial.user_attrs["number"])
    output.parent.mkdir(exist_ok=True)
    clear(output)
    keras.utils.clear_session()
    try:
        hp = hypermodel.space.suggest(trial)
        figures = hypermodel.train(hp, hypermodel.build(hp), data, output, **arguments)
        score = figures[objective]
    except Exception:  # as in keras-tuner's search: whatever it was, only this trial failed
        study.fail(trial, reason(traceback.format_exc()))
        return
    if math.isnan(score):
        study.fail(trial, reason(None))
    else:
        study.complete(trial, score, {name: float(value) for name, value in figures.items()})


def _run_folder(folder: Path, number: int) -> Path:
    return folder / f"trial_{number}" / "run"


def _keep_best(study: SharedStudy, keep: int, folder: Path, objective: Any) -> None:
    ended = {n: t for n, t in study.trials().items() if t.state.is_finished()}
    done = [number for number in ended if ended[number].value is not None]
    done.sort(key=lambda number: ended[number].value, reverse=objective.direction == "max")
    for number in ended.keys() - done[:keep]:
        discard(_run_folder(folder, number))


def _row(hypermodel: RecipeHyperModel, number: int, trial: Any) -> dict[str, Any]:
    import keras_tuner

    hp = keras_tuner.HyperParameters()
    hp.values.update(trial.params)
    figures, message = trial.user_attrs.get("figures", {}), trial.user_attrs.get("message", LOST)
    score = trial.value
    return row(hypermodel, hp, number, score, figures, message if score is None else "")
