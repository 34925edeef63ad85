"""Searches the best of many recipes."""

import functools
import tempfile
from pathlib import Path
from typing import Any

from kerasnorm._types import StrPath
from kerasnorm._validation import as_int, as_number
from kerasnorm.backups import describe
from kerasnorm.tuning._keras_tuner_search import search_alone, search_as_chief, search_as_worker
from kerasnorm.tuning._optuna_search import search_with_optuna
from kerasnorm.tuning._recipe_hyper_model import RecipeHyperModel
from kerasnorm.tuning._roles import role_of
from kerasnorm.tuning._search_result import Search
from kerasnorm.tuning._study import check_ready, new_tuner, objective_of

DEFAULT_OBJECTIVE = "val_balanced_accuracy"
_OPTUNAS_TRIALS = 10  # as many as keras-tuner's random search has
_OVERWRITE = (
    "With distributed='optuna', overwrite=True would remove the trials of the other processes. "
    "Remove the study's folder before they start, or choose another."
)


def search(
    hypermodel: RecipeHyperModel,
    train: Any,
    validation: Any,
    tuner: Any = "random",
    max_trials: int | None = None,
    directory: StrPath | None = None,
    *,
    epochs: int = 10,
    batch_size: int | None = None,
    seed: int | None = None,
    objective: str | None = None,
    overwrite: bool = False,
    verbose: str | int = "auto",
    distributed: str | None = None,
    timeout: float = 120.0,
) -> Search:
    """Trains with many recipes of a space and returns the best one with its model.

    A failed trial does not end the search. With a `directory`, the same call resumes the search
    after a kill: finished trials are kept, and the interrupted one runs again. The same call with a
    larger `max_trials` adds trials. The best model is chosen by `validation`, so that its score
    there is too optimistic: keep other examples for the final evaluation.

    Args:
        hypermodel: A `RecipeHyperModel`.
        train: As `kerasnorm.recipe.fit` takes it.
        validation: Held-out examples that the trials are compared on.
        tuner: "random" (the first to try), "hyperband" (many recipes for few epochs, the best for
            more; needs a range in the space, since it stops when a small space is exhausted),
            "bayesian" (a Gaussian process proposes trials; with Optuna tree-structured Parzen
            estimators), a class of keras-tuner's, or a tuner made with the same
            `hypermodel`. Defaults to "random".
        max_trials: Largest number of trials, including those before a kill. Defaults to None: 10,
            or with "hyperband" as many as its schedule has.
        directory: Folder of the study, which is in its sub-folder "trials". Defaults to None:
            nothing is saved.
        epochs: Number of epochs of each trial; with "hyperband" the largest. Defaults to 10.
        batch_size: Examples per batch; None: that of `hypermodel`.
        seed: Seed of the draws and of each training. Defaults to None.
        objective: Metric of `Run.history` to optimize; smaller is better if its name ends in
            "loss", otherwise larger. Defaults to None, for "val_balanced_accuracy".
        overwrite: Whether to remove the study in `directory` and start anew.
            Defaults to False.
        verbose: 0 is silent, as in `Model.fit`. Defaults to "auto".
        distributed: Library that distributes the trials among processes that all make this call
            with the same `directory`: "keras_tuner", whose chief hands them out (each process has
            KERASTUNER_TUNER_ID, "chief" in that of one, and the chief's KERASTUNER_ORACLE_IP and
            KERASTUNER_ORACLE_PORT), or "optuna", whose processes are all alike, and whose `tuner`
            is "random" or "bayesian". None: nothing. Each process returns the same.
        timeout: Seconds without a sign of life, or an answer, after which another process is
            considered lost. Another process runs its trial, which fails if that is lost, too.
            Defaults to 120.0.

    Returns:
        A `Search`: best recipe, best model, and one row per trial.

    Raises:
        ValueError: If an argument is not as above, or the study in `directory` began with others.
        ImportError: If keras-tuner, tensorboard or, for "bayesian", scikit-learn is missing.
        RuntimeError: If no trial completed, with the reasons; if no other process is left to train,
            or to ask for trials, with how to resume.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> x, y = np.random.default_rng(0).normal(size=(30, 3)), np.repeat([0, 1], [20, 10])
    >>> source = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> hypermodel = RecipeHyperModel(lambda: source, {"imbalance": [None, "resample"]})
    >>> found = search(hypermodel, (x, y), (x, y), max_trials=1, epochs=1, seed=0, verbose=0)
    >>> found.best_recipe == found.trials[0]["recipe"]
    True

    See also:
        `RecipeHyperModel`; `kerasnorm.tuning.spaces`; `kerasnorm.recipe.advise`, without a search.

    Reference:
        Li et al., 2018, Hyperband: a novel bandit-based approach to hyperparameter optimization,
        https://arxiv.org/abs/1603.06560
        Akiba et al., 2019, Optuna: a next-generation hyperparameter optimization framework,
        https://arxiv.org/abs/1907.10902
    """
    if not isinstance(hypermodel, RecipeHyperModel):
        raise ValueError(f"`hypermodel` should be a RecipeHyperModel. Received: {hypermodel!r}.")
    if validation is None:
        raise ValueError("`validation` should be held-out examples, by which trials are compared.")
    epochs = as_int("epochs", epochs, low=1)
    if max_trials is not None:
        as_int("max_trials", max_trials, low=1)
    timeout = as_number("timeout", timeout, 0.0, interval="()")
    role = role_of(distributed)
    if distributed and directory is None:
        raise ValueError("A distributed search needs a `directory` that its processes share.")
    data, arguments = (train, validation), {"epochs": epochs, "verbose": verbose}
    if not isinstance(tuner, (str, type)):
        late = {"max_trials": max_trials, "directory": directory, "batch_size": batch_size}
        late |= {"seed": seed, "objective": objective, "overwrite": overwrite}
        check_ready(tuner, hypermodel, **late, distributed=distributed)
        hypermodel.described_data = describe(list(data))
        return search_alone(tuner, hypermodel, data, **arguments)
    given = {"batch_size": batch_size, "seed": seed}
    given = {name: value for name, value in given.items() if value is not None}
    hypermodel = hypermodel.with_arguments(**given)
    hypermodel.described_data = describe(list(data))
    goal = objective_of(objective or DEFAULT_OBJECTIVE)
    if distributed == "optuna":
        if overwrite:
            raise ValueError(_OVERWRITE)
        trials, folder = max_trials or _OPTUNAS_TRIALS, Path(directory)
        return search_with_optuna(
            hypermodel, data, tuner, folder, goal, trials, timeout, **arguments
        )
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(directory or scratch)
        make = functools.partial(new_tuner, tuner, hypermodel, folder, epochs, goal, max_trials)
        if role is None:
            return search_alone(make(overwrite), hypermodel, data, **arguments)
        if role.is_chief:
            return search_as_chief(make(overwrite), hypermodel, role, timeout, **arguments)
        return search_as_worker(make, hypermodel, role, folder, timeout, data, **arguments)
