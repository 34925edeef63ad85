"""Creates a study: a tuner with its folder, which a later process can resume."""

import contextlib
import io
import json
import math
from pathlib import Path
from typing import Any

from kerasnorm._choices import TUNERS
from kerasnorm._files import write_json
from kerasnorm._validation import check_choice, differences, listed, require
from kerasnorm.backups import describe, describe_callbacks, versions
from kerasnorm.tuning._recipe_hyper_model import RecipeHyperModel
from kerasnorm.tuning._trial_runs import has_trials

PROJECT, _PLAN = "trials", "study.json"
_ORACLE = f"{PROJECT}/oracle.json"


def new_tuner(
    tuner: str | type,
    hypermodel: RecipeHyperModel,
    directory: Path,
    epochs: int,
    objective: Any,
    max_trials: int | None,
    overwrite: bool = False,
) -> Any:
    """Returns keras-tuner's tuner of a name or class, with the trials that the directory has.

    Raises:
        ValueError: If there is no such tuner, or the study in the directory is damaged or began
            with other arguments.
    """
    import keras_tuner

    if isinstance(tuner, str):
        check_choice("tuner", tuner, TUNERS)
        if tuner == "bayesian":
            require("sklearn", "scipy", extra="tuning")
        tuner = getattr(keras_tuner, TUNERS[tuner])
    elif not issubclass(tuner, keras_tuner.Tuner):
        raise ValueError(_no_tuner(tuner))
    seed = hypermodel.fit_arguments.get("seed")
    arguments = {
        "hypermodel": hypermodel,
        "objective": objective,
        "seed": None if seed is None else seed + 1,  # keras-tuner takes 0 for none
        "max_consecutive_failed_trials": math.inf,  # some may contradict themselves
        "directory": str(directory),
        "project_name": PROJECT,
        "overwrite": overwrite,
    }
    if issubclass(tuner, keras_tuner.Hyperband):
        arguments["max_epochs"] = epochs
    if not overwrite:
        plan = plan_of(tuner.__name__, hypermodel, epochs, objective)
        check_plan(directory / PROJECT, plan)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # keras-tuner says where it reloads from
            made = tuner(**arguments)
        # keras-tuner does it itself if the process that began the study had this one's name
        if has_trials(made) and not made.oracle.trials and any(directory.glob(_ORACLE)):
            made.oracle.reload()
    except json.JSONDecodeError as error:
        raise ValueError(
            f"The study in '{directory}' has a damaged file. Choose another `directory`, or begin "
            "anew with `overwrite=True`."
        ) from error
    made.oracle.max_trials = max_trials or made.oracle.max_trials
    return made


def objective_of(figure: str) -> Any:
    """Returns keras-tuner's `Objective`: smaller is better of what ends in "loss".

    >>> objective_of("val_loss").direction, objective_of("val_accuracy").direction
    ('min', 'max')
    """
    import keras_tuner

    return keras_tuner.Objective(figure, "min" if figure.endswith("loss") else "max")


def check_ready(tuner: Any, hypermodel: RecipeHyperModel, **arguments: Any) -> None:
    """Refuses what is no tuner of the hypermodel, and arguments that come too late for it.

    Raises:
        ValueError: That says so.
    """
    import keras_tuner

    if not isinstance(tuner, keras_tuner.Tuner):
        raise ValueError(_no_tuner(tuner))
    if tuner.hypermodel is not hypermodel:
        raise ValueError("`tuner` was made with another hypermodel than the one given.")
    if late := [name for name, value in arguments.items() if not (value is None or value is False)]:
        raise ValueError(
            f"A tuner that is made already takes no {listed(late)}. Give `batch_size` and `seed` "
            "to the RecipeHyperModel, and the others to the tuner when it is made."
        )


def _no_tuner(tuner: Any) -> str:
    return (
        f"`tuner` should be one of {listed(TUNERS)}, a class of keras-tuner's tuners, or one that "
        f"is made. Received: {tuner!r}."
    )


def plan_of(
    tuner: str, hypermodel: RecipeHyperModel, epochs: int, objective: Any
) -> dict[str, Any]:
    """Returns what must be the same to resume a study, for JSON."""
    given = {name: describe(value) for name, value in hypermodel.fit_arguments.items()}
    callbacks = describe_callbacks(hypermodel.fit_arguments.get("callbacks", ()))
    plan = {
        "tuner": tuner,
        "objective": [objective.name, objective.direction],
        "epochs": epochs,
        "batch_size": None,
        "seed": None,
        **given,
        "callbacks": callbacks,
        "model_fn": describe(hypermodel.model_fn),
        "data": hypermodel.described_data,
        "space": hypermodel.space.to_json(),
        "recipe": json.loads(hypermodel.recipe.to_json()),
        "versions": versions(),
    }
    return json.loads(json.dumps(plan))


def check_plan(folder: Path, plan: dict[str, Any]) -> None:
    """Refuses to resume a study that began with other arguments.

    Raises:
        ValueError: That says with which ones.
    """
    path = folder / _PLAN
    if not path.exists():
        if any(folder.glob("trial_*")):
            raise ValueError(f"'{folder}' holds trials of another search. Choose another folder.")
        return
    try:
        began = dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"'{path}' is damaged: {error}. Choose another folder, or start anew with "
            "`overwrite=True`."
        ) from error
    if differing := differences(began, plan):
        before, now = differing
        raise ValueError(
            f"'{folder}' holds a study that began with {before}. Received: {now}. Resume with the "
            "same arguments, choose another folder, or start anew with `overwrite=True`."
        )


def begin(folder: Path, plan: dict[str, Any]) -> None:
    """Writes what a later process needs to resume the study.

    Raises:
        ValueError: If the folder has a study that began with another plan.
    """
    check_plan(folder, plan)
    if not (folder / _PLAN).exists():
        write_json(folder / _PLAN, plan)


def join(folder: Path, plan: dict[str, Any]) -> None:
    """Makes sure that another process began the study with the same plan in the same folder.

    Raises:
        ValueError: If it did not.
    """
    if not (folder / _PLAN).exists():
        raise ValueError(
            f"The chief's study is not in '{folder}'. All processes should have the same "
            "`directory`, a folder that their machines share."
        )
    check_plan(folder, plan)
