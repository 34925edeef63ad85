"""Makes tuners of keras-tuner's, and refuses what is none."""

import contextlib
import io
import math
from pathlib import Path
from typing import Any

from kerasnorm._choices import TUNERS
from kerasnorm._validation import check_choice, listed, require
from kerasnorm.tuning._recipe_hyper_model import RecipeHyperModel
from kerasnorm.tuning._study import PROJECT


def tuner_class(tuner: str | type) -> type:
    """Returns keras-tuner's tuner of a name, or the class given.

    Raises:
        ValueError: if there is no such tuner.
        ImportError: if a package that it needs is missing.
    """
    import keras_tuner

    if isinstance(tuner, str):
        check_choice("tuner", tuner, TUNERS)
        if tuner == "bayesian":
            require("sklearn", "scipy", extra="tuning")
        return getattr(keras_tuner, TUNERS[tuner])
    if not issubclass(tuner, keras_tuner.Tuner):
        raise ValueError(_no_tuner(tuner))
    return tuner


def new_tuner(
    tuner: type,
    hypermodel: RecipeHyperModel,
    directory: Path,
    epochs: int,
    objective: Any,
    max_trials: int | None,
) -> Any:
    """Returns a tuner without trials.

    Args:
        tuner: class of keras-tuner's.
        hypermodel: of the search.
        directory: that has the trials' folder.
        epochs: of a trial.
        objective: keras-tuner's `Objective`.
        max_trials: how many trials there are at most; None: as many as the tuner has by itself.
    """
    import keras_tuner

    seed = hypermodel.fit_arguments.get("seed")
    arguments = {
        "hypermodel": hypermodel,
        "objective": objective,
        "seed": None if seed is None else seed + 1,  # keras-tuner takes 0 for none
        "max_consecutive_failed_trials": math.inf,  # some may contradict themselves
        "directory": str(directory),
        "project_name": PROJECT,
    }
    if issubclass(tuner, keras_tuner.Hyperband):
        arguments["max_epochs"] = epochs
    with contextlib.redirect_stdout(io.StringIO()):  # keras-tuner says where it reloads from
        made = tuner(**arguments)
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
