"""A study: the trials of a search in one file, which a later process can continue with."""

import contextlib
import json
from pathlib import Path
from typing import Any

from kerasnorm._claims import remove
from kerasnorm.backups import Backup, describe, describe_callbacks, read_state, versions
from kerasnorm.tuning._recipe_hyper_model import RecipeHyperModel
from kerasnorm.tuning._tuner_state import restore, save_by, state_of, trials_in

PROJECT = "trials"  # in the directory of a search: the folder of its runs, and the study's file


class Study:
    """The backup of a search, which stays when it ends, for further trials.

    Args:
        folder: of the trials' runs; the file is beside it, named after it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._backup = Backup(folder.parent, folder.name)
        self._seed: int | None = None

    def held(self) -> contextlib.AbstractContextManager[None]:
        """Returns a context in which this process alone searches; InUseError if another does."""
        return self._backup.held()

    def seed(self, given: int | None) -> int:
        """Returns the seed given, or that of the study that is there, or a new one."""
        self._seed = self._backup.seed(given)
        return self._seed

    def clear(self) -> None:
        """Removes the study, its runs included."""
        for path in (self._backup.path, self._folder):
            remove(path)

    def read(self, plan: dict[str, Any]) -> dict[str, Any] | None:
        """Returns the state of the study that is there, or None.

        Raises:
            ValueError: if it began with another plan, or is damaged, or the folder has trials of
                something else.
        """
        if not self._backup.path.exists() and any(self._folder.glob("trial_*")):
            raise ValueError(
                f"'{self._folder}' holds trials of another search. Choose another folder, or begin "
                "anew with `overwrite=True`."
            )
        return self._backup.begin(**plan)

    def begin(self, plan: dict[str, Any]) -> None:
        """Writes a study without a state, for processes that share it, unless it is there."""
        if self.read(plan) is None:
            self._backup.write({}, seed=None)

    def keep(self, tuner: Any, state: dict[str, Any] | None) -> None:
        """Lets each change of a tuner replace the file.

        Args:
            tuner: keras-tuner's, new.
            state: what it is brought to first; None: it begins.
        """
        if state is not None:
            restore(tuner, state)
        save_by(tuner, lambda: self._backup.write(state_of(tuner), self._seed))
        tuner.save()

    def join(self, plan: dict[str, Any]) -> None:
        """Makes sure that another process began the study with the same plan.

        Raises:
            ValueError: if it did not.
        """
        if not self._backup.path.exists():
            raise ValueError(
                f"The chief's study is not in '{self._backup.folder}'. All processes should have "
                "the same `directory`, a folder that their machines share."
            )
        self.read(plan)

    def trials(self) -> list[Any]:
        """Returns keras-tuner's trials as another process wrote them."""
        return trials_in(read_state(self._backup.path)["state"])


def plan_of(
    tuner: str, hypermodel: RecipeHyperModel, epochs: int, objective: Any
) -> dict[str, Any]:
    """Returns what must be the same to resume a study, for JSON."""
    given = {name: describe(value) for name, value in hypermodel.fit_arguments.items()}
    callbacks = describe_callbacks(hypermodel.fit_arguments.get("callbacks", ()))
    return {
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
