"""Searches the best of many recipes."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from kerasnorm._types import StrPath
from kerasnorm._validation import as_int, as_number
from kerasnorm.backups import describe
from kerasnorm.imbalance import ImageFiles
from kerasnorm.tuning._keras_tuner_search import Searching, search_with
from kerasnorm.tuning._new_tuner import check_ready, objective_of, tuner_class
from kerasnorm.tuning._optuna_search import search_with_optuna
from kerasnorm.tuning._recipe_hyper_model import RecipeHyperModel
from kerasnorm.tuning._roles import role_of
from kerasnorm.tuning._search_result import Search

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

    A trial that fails does not end the search. Give a `directory`, and after an interruption the
    same call resumes: what was finished stays, and a trial that was interrupted resumes after its
    last epoch. The same call with a larger `max_trials` adds trials. The best model is chosen by
    `validation`, so that its score there flatters it: keep other examples for the final figure.

    Args:
        hypermodel: a `RecipeHyperModel`.
        train: As `kerasnorm.recipe.fit` takes it.
        validation: Held-out examples that the trials are compared on.
        tuner: "random" (begin with it), "hyperband" (many recipes for few epochs, the best for
            more; for spaces with a range in it, as it stops where a small space is exhausted),
            "bayesian" (a Gaussian process guesses what is worth a trial; Optuna has trees of Parzen
            estimators for it), a class of keras-tuner's, or a tuner made with the same
            `hypermodel`. Defaults to "random".
        max_trials: Largest number of trials, those before a kill included. None: 10, for
            "hyperband" as many as its schedule has.
        directory: Folder of the study: trials.npz, which each trial replaces, and the folder
            "trials" with the runs of the best; None: none is left.
        epochs: Epochs of each trial; the most of one with "hyperband". Defaults to 10.
        batch_size: Examples per batch; None: that of `hypermodel`.
        seed: Decides what is drawn, and each trial's training. None: another one each time, which
            the study keeps (but with Optuna, where interrupted trials begin anew without a seed).
        objective: The figure of `Run.history` that counts: smaller is better if its name ends in
            "loss", otherwise larger. None: "val_balanced_accuracy", and of arrays and files with
            rows of several labels "val_average_precision". (Of contours give "val_ods".)
        overwrite: Whether to begin anew and remove the study that is in `directory`.
            Defaults to False.
        verbose: 0 is silent, as in `Model.fit`. Defaults to "auto".
        distributed: Means of sharing the trials among processes that all make this call, with one
            `directory`: "keras_tuner", whose chief hands them out (each process has
            KERASTUNER_TUNER_ID, "chief" in that of one, and the chief's KERASTUNER_ORACLE_IP and
            KERASTUNER_ORACLE_PORT), or "optuna", whose processes are all alike, and whose `tuner`
            is "random" or "bayesian". None: nothing. Each process returns the same.
        timeout: Seconds without a sign of life, or an answer, after which another process is
            considered lost. Another process runs its trial, which fails if that is lost, too.
            Defaults to 120.0.

    Returns:
        A `Search`: best recipe, best model, and one row per trial.

    Raises:
        ValueError: If an argument is not as above, or the study in `directory` is damaged, or
            began with other arguments, data or versions.
        InUseError: If another process searches in `directory`, and not by `distributed`.
        ImportError: If keras-tuner, tensorboard or, for "bayesian", scikit-learn is missing.
        RuntimeError: If no trial completed; it says why they failed. If no other process is left
            to train, or to be asked for trials; it says how to go on.

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
        return search_with(tuner, hypermodel, data, **arguments)
    given = {"batch_size": batch_size, "seed": seed}
    given = {name: value for name, value in given.items() if value is not None}
    hypermodel = hypermodel.with_arguments(**given)
    hypermodel.described_data = describe(list(data))
    hypermodel.resumes = directory is not None
    goal = objective_of(objective or _default_objective(train))
    if distributed == "optuna":
        if overwrite:
            raise ValueError(_OVERWRITE)
        trials, folder = max_trials or _OPTUNAS_TRIALS, Path(directory)
        return search_with_optuna(
            hypermodel, data, tuner, folder, goal, trials, timeout, **arguments
        )
    kind = tuner_class(tuner)
    with tempfile.TemporaryDirectory() as scratch:
        searching = Searching(hypermodel, kind, Path(directory or scratch), goal, max_trials)
        if role is None:
            return searching.alone(data, overwrite, **arguments)
        if role.is_chief:
            return searching.as_chief(role, timeout, overwrite, **arguments)
        return searching.as_worker(role, timeout, data, **arguments)


def _default_objective(train: Any) -> str:
    """Returns the figure that sums up several labels, or one class an example."""
    pair = isinstance(train, (tuple, list)) and len(train) in (2, 3)
    labels = train[1] if pair else train.labels if isinstance(train, ImageFiles) else ()
    rows = np.shape(labels)
    if len(rows) == 2 and rows[1] > 1 and (np.sum(labels, axis=1) != 1).any():
        return "val_average_precision"
    return "val_balanced_accuracy"
