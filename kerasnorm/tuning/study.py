"""A study: a tuner with its folder, which a later process can go on with."""

import json
import math
from pathlib import Path
from typing import Any

from kerasnorm._validation import check_choice, listed, require
from kerasnorm.transfer.progress import differences, write_json
from kerasnorm.tuning.hyper_model import RecipeHyperModel

TUNERS = {"random": "RandomSearch", "hyperband": "Hyperband", "bayesian": "BayesianOptimization"}
_PROJECT, _PLAN = "trials", "study.json"


def new_tuner(
    tuner: str | type,
    hypermodel: RecipeHyperModel,
    directory: Path,
    epochs: int,
    objective: str,
    overwrite: bool,
) -> Any:
    """Returns keras-tuner's tuner of a name or class, with the trials that the directory has.

    Raises:
        ValueError: if there is no such tuner, or the study in the directory is damaged or began
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
    direction = "min" if objective.endswith("loss") else "max"
    arguments = {
        "hypermodel": hypermodel,
        "objective": keras_tuner.Objective(objective, direction),
        "seed": None if seed is None else seed + 1,  # keras-tuner takes 0 for none
        "max_consecutive_failed_trials": math.inf,  # some may contradict themselves
        "directory": str(directory),
        "project_name": _PROJECT,
        "overwrite": overwrite,
    }
    if issubclass(tuner, keras_tuner.Hyperband):
        arguments["max_epochs"] = epochs
    if not overwrite:
        check_plan(directory / _PROJECT, plan_of(tuner, hypermodel, epochs, arguments["objective"]))
    try:
        return tuner(**arguments)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"The study in '{directory}' has a damaged file. Choose another `directory`, or begin "
            "anew with `overwrite=True`."
        ) from error


def check_ready(tuner: Any, hypermodel: RecipeHyperModel, **arguments: Any) -> None:
    """Refuses what is no tuner of the hypermodel, and arguments that come too late for it.

    Raises:
        ValueError: that says so.
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
    tuner: type, hypermodel: RecipeHyperModel, epochs: int, objective: Any
) -> dict[str, Any]:
    """Returns what must be the same when a study goes on, as JSON has it."""
    plan = {
        "tuner": tuner.__name__,
        "objective": [objective.name, objective.direction],
        "epochs": epochs,
        "batch_size": hypermodel.fit_arguments.get("batch_size"),
        "seed": hypermodel.fit_arguments.get("seed"),
        "space": hypermodel.space.to_json(),
        "recipe": json.loads(hypermodel.recipe.to_json()),
    }
    return json.loads(json.dumps(plan))


def check_plan(folder: Path, plan: dict[str, Any]) -> None:
    """Refuses to go on with a study that began with other arguments.

    Raises:
        ValueError: that says with which ones.
    """
    path = folder / _PLAN
    if not path.exists():
        if any(folder.glob("trial_*")):
            raise ValueError(f"'{folder}' holds trials of another search. Choose another folder.")
        return
    began = json.loads(path.read_text(encoding="utf-8"))
    if differing := differences(began, plan):
        before, now = differing
        raise ValueError(
            f"'{folder}' holds a study that began with {before}. Received: {now}. Go on with the "
            "same arguments, choose another folder, or begin anew with `overwrite=True`."
        )


def begin(tuner: Any, plan: dict[str, Any]) -> None:
    """Writes what a later process needs to go on with the study.

    Raises:
        ValueError: if the tuner's folder has a study that began with another plan.
    """
    check_plan(Path(tuner.project_dir), plan)
    path = Path(tuner.project_dir, _PLAN)
    if not path.exists():
        write_json(path, plan)
    tuner.save()  # keras-tuner would after the first trial, and lose that one if killed in it
