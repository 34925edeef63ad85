"""`search`: the best of many recipes."""

import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import keras

from kerasnorm._validation import as_int
from kerasnorm.tuning.hyper_model import RecipeHyperModel
from kerasnorm.tuning.result import Search
from kerasnorm.tuning.rows import rows_of
from kerasnorm.tuning.study import begin, check_ready, new_tuner, plan_of
from kerasnorm.tuning.trial_runs import TrialRun, keep_best

DEFAULT_OBJECTIVE = "val_balanced_accuracy"


def search(
    hypermodel: RecipeHyperModel,
    train: Any,
    validation: Any,
    tuner: Any = "random",
    max_trials: int | None = None,
    directory: str | os.PathLike | None = None,
    *,
    epochs: int = 10,
    batch_size: int | None = None,
    seed: int | None = None,
    objective: str | None = None,
    overwrite: bool = False,
    verbose: str | int = "auto",
) -> Search:
    """Trains by many recipes of a space and returns the best one with its model.

    A trial that fails does not end the search. Give a `directory`, and after a kill the same call
    goes on where the search was: what was finished stays, the trial that ran runs again. The same
    call with a larger `max_trials` adds trials. The best model is chosen by `validation`, so that
    its score there flatters it: keep other examples for the final figure.

    Args:
        hypermodel: a `RecipeHyperModel`.
        train: as `kerasnorm.recipe.fit` takes it.
        validation: held-out examples that the trials are compared on.
        tuner: "random" (begin with it), "hyperband" (many recipes for few epochs, the best for
            more; for spaces with a range in it, as it stops where a small space is exhausted),
            "bayesian" (a Gaussian process guesses what is worth a trial), a class of
            keras-tuner's, or a tuner made with the same `hypermodel`.
        max_trials: how many trials there are at most, those before a kill included. None: 10, for
            "hyperband" as many as its schedule has.
        directory: folder of the study, in which it has its own, "trials"; None: none is left.
        epochs: of each trial; the most of one with "hyperband".
        batch_size: examples a batch; None: that of `hypermodel`.
        seed: decides what is drawn, and each trial's training.
        objective: the figure of `Run.history` that counts, "val_balanced_accuracy" for None:
            smaller is better if its name ends in "loss", otherwise larger.
        overwrite: whether to begin anew and remove the study that is in `directory`.
        verbose: 0 is silent, as in `Model.fit`.

    Returns:
        A `Search`: best recipe, best model, a row for each trial.

    Raises:
        ValueError: if an argument is not as above, keras-tuner, tensorboard or, for "bayesian",
            scikit-learn is missing, or the study in `directory` began with other arguments.
        RuntimeError: if no trial completed; it says why they failed.

    Example:

    >>> import numpy as np
    >>> x, y = np.random.default_rng(0).normal(size=(30, 3)), np.repeat([0, 1], [20, 10])
    >>> source = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> hypermodel = RecipeHyperModel(lambda: source, {"imbalance": [None, "resample"]})
    >>> found = search(hypermodel, (x, y), (x, y), max_trials=1, epochs=1, seed=0, verbose=0)
    >>> found.best_recipe == found.trials[0]["recipe"]
    True

    Reference:
        Li et al., 2018, Hyperband: a novel bandit-based approach to hyperparameter optimization,
        https://arxiv.org/abs/1603.06560
    """
    if not isinstance(hypermodel, RecipeHyperModel):
        raise ValueError(f"`hypermodel` should be a RecipeHyperModel. Received: {hypermodel!r}.")
    if validation is None:
        raise ValueError("`validation` should be held-out examples, which the trials compete on.")
    epochs = as_int("epochs", epochs, low=1)
    if max_trials is not None:
        as_int("max_trials", max_trials, low=1)
    with tempfile.TemporaryDirectory() as scratch:
        if isinstance(tuner, (str, type)):
            given = {"batch_size": batch_size, "seed": seed}
            given = {name: value for name, value in given.items() if value is not None}
            hypermodel = hypermodel.with_arguments(**given)
            folder = Path(directory or scratch)
            tuner = new_tuner(
                tuner, hypermodel, folder, epochs, objective or DEFAULT_OBJECTIVE, overwrite
            )
            tuner.oracle.max_trials = max_trials or tuner.oracle.max_trials
        else:
            check_ready(
                tuner,
                hypermodel,
                max_trials=max_trials,
                directory=directory,
                batch_size=batch_size,
                seed=seed,
                objective=objective,
                overwrite=overwrite,
            )
        begin(tuner, plan_of(type(tuner), hypermodel, epochs, tuner.oracle.objective))
        _run(tuner, train, validation, epochs=epochs, verbose=verbose)
        return _result(tuner, hypermodel)


def _run(tuner: Any, *data: Any, **arguments: Any) -> None:
    try:
        tuner.search(*data, **arguments)
    except RuntimeError:  # a tuner's own limit of failures in a row
        trials = tuner.oracle.trials.values()
        if not trials or any(trial.status == "COMPLETED" for trial in trials):
            raise


def _result(tuner: Any, hypermodel: RecipeHyperModel) -> Search:
    trials = rows_of(tuner, hypermodel)
    best = tuner.oracle.get_best_trials()
    if not best or best[0].status != "COMPLETED":
        reasons = Counter(row["message"] for row in trials)
        said = [f"{count} failed with: {why}" for why, count in reasons.items()]
        raise RuntimeError("\n".join([f"None of the {len(trials)} trials completed.", *said]))
    keep_best(tuner, hypermodel.keep_runs)
    # written by this study, with whatever layers the caller's model has
    model = keras.saving.load_model(
        TrialRun(tuner, best[0]).folder / "model.keras", safe_mode=False
    )
    objective = tuner.oracle.objective
    return Search(
        hypermodel.recipe_of(best[0].hyperparameters),
        model,
        trials,
        objective.name,
        objective.direction == "max",
    )
