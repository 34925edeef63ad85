"""Holds the result of `search`."""

import dataclasses
from collections import Counter
from collections.abc import Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any

import keras

from kerasnorm._existing import MODEL_FILE
from kerasnorm._table import aligned
from kerasnorm.models import load_model
from kerasnorm.recipe import Recipe


@dataclasses.dataclass(frozen=True, eq=False)
class Search:
    """Best recipe of a search, its model, and a table of all trials for `print`, best first.

    Attributes:
        best_recipe: `Recipe` of the trial with the best score.
        best_model: The keras.Model that this trial trained.
        trials: A dict for each trial: `number`; `status`, "completed" or "failed"; `score`;
            `recipe`, None if the values drawn make none; `settings`, the values drawn by the names
            of fields; `epochs`; `seconds`; `message`, why it failed. Score, epochs and seconds of
            a failed one are None.
        objective: Name of the metric in `score`.
        maximize: Whether a larger score is better.

    Example:

    >>> from kerasnorm import Recipe
    >>> trials = [
    ...     {"number": 0, "status": "completed", "score": 0.5, "settings": {"loss": "focal"}},
    ...     {"number": 1, "status": "completed", "score": 0.7, "settings": {"loss": "seesaw"}},
    ... ]
    >>> rest = {"recipe": Recipe(), "epochs": 3, "seconds": 1.5, "message": ""}
    >>> print(Search(Recipe(), None, [{**row, **rest} for row in trials]))
    trial  val_balanced_accuracy  epochs  seconds  values drawn
    1                        0.7       3      1.5  loss=seesaw
    0                        0.5       3      1.5  loss=focal

    See also:
        `search`, which returns it.
    """

    best_recipe: Recipe
    best_model: keras.Model
    trials: list[dict[str, Any]]
    objective: str = "val_balanced_accuracy"
    maximize: bool = True

    @property
    def settings(self) -> list[str]:
        """The names of the fields that were drawn, in at least one trial."""
        return list(dict.fromkeys(name for row in self.trials for name in row["settings"]))

    def __str__(self) -> str:
        done = [row for row in self.trials if row["status"] == "completed"]
        done.sort(key=lambda row: row["score"], reverse=self.maximize)
        failed = [row for row in self.trials if row["status"] != "completed"]
        rows = [*done, *failed]
        figures = ["score", "epochs", "seconds"]
        lines = [["trial", self.objective, *figures[1:]]]
        lines += [[str(row["number"]), *(_short(row[name]) for name in figures)] for row in rows]
        drawn = ["values drawn", *(self._drawn(row["settings"]) for row in rows)]
        table = zip(aligned(lines, left=1).splitlines(), drawn, strict=True)
        reasons = [f"Trial {row['number']} failed: {row['message']}" for row in failed]
        return "\n".join([*("  ".join(line) for line in table), *reasons])

    def _drawn(self, settings: dict[str, Any]) -> str:
        """Returns settings by their short names, the long ones where two chapters have it."""
        short = {field: field.rpartition(".")[2] for field in self.settings}
        names = list(short.values())
        return ", ".join(
            f"{short[field] if names.count(short[field]) == 1 else field}={_short(value)}"
            for field, value in settings.items()
        )

    def plot(self, ax: Any = None) -> Any:
        """Draws the scores by trial and the best so far, and returns the matplotlib axes.

        Args:
            ax: Matplotlib axes; None: those of a new figure.

        Raises:
            ImportError: If matplotlib is missing.
        """
        from kerasnorm.tuning._plots import plot_scores

        return plot_scores(self, ax)

    def plot_settings(self) -> Any:
        """Draws the scores against the values of each setting drawn, and returns the figure.

        Raises:
            ImportError: If matplotlib is missing.
        """
        from kerasnorm.tuning._plots import plot_settings

        return plot_settings(self)


def outcome(
    trials: list[dict[str, Any]],
    objective: Any,
    runs: Mapping[int, Path],
) -> Search:
    """Returns the best of some trials with its model.

    Args:
        trials: Rows, as `Search.trials` has them.
        objective: Keras-tuner's `Objective`.
        runs: The folder of each trial's run by its number.

    Raises:
        RuntimeError: If no trial completed.
        ValueError: If the file of the best model is damaged, or would run code.
    """
    maximize = objective.direction == "max"
    done = [row for row in trials if row["status"] == "completed"]
    if not done:
        reasons = Counter(row["message"] for row in trials)
        said = [f"{count} failed with: {why}" for why, count in reasons.items()]
        raise RuntimeError("\n".join([f"None of the {len(trials)} trials completed.", *said]))
    best = (max if maximize else min)(done, key=itemgetter("score"))
    model = load_model(runs[best["number"]] / MODEL_FILE, compiled=True)
    return Search(best["recipe"], model, trials, objective.name, maximize)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
