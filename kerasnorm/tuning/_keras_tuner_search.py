"""Searches with a tuner of keras-tuner: alone, as its chief, or as a worker."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasnorm.tuning._chief import beside_chief, serve, work
from kerasnorm.tuning._new_tuner import new_tuner
from kerasnorm.tuning._recipe_hyper_model import RecipeHyperModel
from kerasnorm.tuning._roles import Role
from kerasnorm.tuning._rows import rows_of
from kerasnorm.tuning._search_result import Search, outcome
from kerasnorm.tuning._study import PROJECT, Study, plan_of
from kerasnorm.tuning._trial_runs import TrialRun, has_trials, keep_best


@dataclass
class Searching:
    """What the processes of a search have in common.

    Attributes:
        hypermodel: makes the models.
        kind: class of keras-tuner's.
        directory: of the study.
        objective: keras-tuner's `Objective`.
        max_trials: how many trials there are at most, or None.
    """

    hypermodel: RecipeHyperModel
    kind: type
    directory: Path
    objective: Any
    max_trials: int | None

    def __post_init__(self) -> None:
        self._study = Study(self.directory / PROJECT)

    def alone(
        self, data: tuple[Any, Any], overwrite: bool, *, epochs: int, verbose: str | int
    ) -> Search:
        """Runs all trials in this process.

        Args:
            data: for training and for validation.
            overwrite: whether to remove a study that is there.
            epochs, verbose: of the trainings, as below.

        Raises:
            InUseError: if another process searches in the same directory.
            RuntimeError: if no trial completed.
        """
        with self._study.held():
            tuner = self._begun(overwrite, epochs)
            return _search(tuner, self.hypermodel, data, epochs=epochs, verbose=verbose)

    def as_chief(
        self, role: Role, timeout: float, overwrite: bool, *, epochs: int, verbose: str | int
    ) -> Search:
        """Lets workers run the trials.

        Args:
            role: the chief's.
            timeout: seconds without a sign of life after which a worker is taken for lost.
            overwrite: whether to remove a study that is there.

        Raises:
            InUseError: if another process searches in the same directory.
            ValueError: if it cannot listen at its address.
            RuntimeError: if no trial completed, or no worker is left.
        """
        with self._study.held():
            tuner = self._begun(overwrite, epochs)
            tuner.oracle.verbose = verbose
            serve(tuner, role, timeout)
            return _result(tuner, self.hypermodel, tuner.oracle.trials.values())

    def as_worker(
        self,
        role: Role,
        timeout: float,
        data: tuple[Any, Any],
        *,
        epochs: int,
        verbose: str | int,
    ) -> Search:
        """Runs trials for a chief, and returns what it has in the end.

        Args:
            role: the worker's.
            timeout: seconds to wait for the chief's answers, and without a sign of life after
                which this worker is taken for lost.
            data: for training and for validation.

        Raises:
            ValueError: if the chief's study is another one.
            RuntimeError: if the chief does not answer, or no trial completed.
        """
        with beside_chief(role, self.directory / PROJECT, timeout) as heartbeat:
            self._seed()
            self._study.join(self._plan(epochs))
            tuner = self._tuner(epochs)
            tuner.save = lambda: None  # the chief writes
            work(tuner, role, heartbeat, *data, epochs=epochs, verbose=verbose)
            return _result(tuner, self.hypermodel, self._study.trials())

    def _begun(self, overwrite: bool, epochs: int) -> Any:
        """Returns a tuner with the trials that the study has."""
        if overwrite:
            self._study.clear()
        self._seed()
        state = self._study.read(self._plan(epochs))
        tuner = self._tuner(epochs)
        self._study.keep(tuner, state)
        return tuner

    def _seed(self) -> None:
        """Gives the trainings the study's seed, if they have none of their own."""
        seed = self._study.seed(self.hypermodel.fit_arguments.get("seed"))
        self.hypermodel.fit_arguments["seed"] = seed

    def _plan(self, epochs: int) -> dict[str, Any]:
        return plan_of(self.kind.__name__, self.hypermodel, epochs, self.objective)

    def _tuner(self, epochs: int) -> Any:
        shared = self.directory, epochs, self.objective, self.max_trials
        return new_tuner(self.kind, self.hypermodel, *shared)


def search_with(
    tuner: Any,
    hypermodel: RecipeHyperModel,
    data: tuple[Any, Any],
    *,
    epochs: int,
    **arguments: Any,
) -> Search:
    """Runs all trials of a tuner that somebody else has made, in its folder.

    Args:
        tuner: keras-tuner's.
        hypermodel: the tuner's.
        data: for training and for validation.
        epochs: of the trainings, as all others are.

    Raises:
        RuntimeError: If no trial completed.
    """
    study = Study(Path(tuner.project_dir))
    with study.held():
        plan = plan_of(type(tuner).__name__, hypermodel, epochs, tuner.oracle.objective)
        study.keep(tuner, study.read(plan))
        return _search(tuner, hypermodel, data, epochs=epochs, **arguments)


def _search(
    tuner: Any, hypermodel: RecipeHyperModel, data: tuple[Any, Any], **arguments: Any
) -> Search:
    try:
        tuner.search(*data, **arguments)
    except RuntimeError:  # a tuner's own limit of failures in a row
        trials = tuner.oracle.trials.values()
        if not trials or any(trial.status == "COMPLETED" for trial in trials):
            raise
    return _result(tuner, hypermodel, tuner.oracle.trials.values())


def _result(tuner: Any, hypermodel: RecipeHyperModel, trials: Iterable[Any]) -> Search:
    trials = list(trials)
    found = outcome(
        rows_of(trials, hypermodel),
        tuner.oracle.objective,
        {int(trial.trial_id): TrialRun(tuner, trial).folder for trial in trials},
    )
    if has_trials(tuner):
        keep_best(tuner, hypermodel.keep_runs)
    return found
