"""Ways of training side by side, over seeds."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from rich.table import Table

from kerasnorm.recipe.evaluation import Evaluation

Comparison = dict[str, list["Trial"]]


@dataclasses.dataclass(frozen=True, eq=False)
class Trial:
    """What one seed gave: the figures of a `Run` without its model."""

    history: dict[str, list[float]]
    evaluation: Evaluation


def mean_and_deviation(values: Sequence) -> tuple[np.ndarray, np.ndarray]:
    """Returns the mean over seeds and the sample standard deviation, NaN for one seed.

    >>> mean, deviation = mean_and_deviation([0.5, 0.7])
    >>> round(float(deviation), 3)
    0.141
    """
    values = np.asarray(values, dtype=float)
    many = len(values) > 1
    return values.mean(axis=0), values.std(axis=0, ddof=1) if many else values.mean(axis=0) * np.nan


def balanced_accuracies(trials: Sequence[Trial]) -> list[float]:
    """Returns the balanced accuracy of each trial."""
    return [trial.evaluation.balanced_accuracy for trial in trials]


def recalls(trials: Sequence[Trial]) -> np.ndarray:
    """Returns the recall of each class in each trial, (trials, K)."""
    return np.array([trial.evaluation.per_class_recall for trial in trials])


def rows(comparison: Comparison) -> list[list[str]]:
    """Returns a table in %: a row for balanced accuracy and for each class, a column a way."""
    columns = [
        [
            percent(*mean_and_deviation(balanced_accuracies(trials))),
            *map(percent, *mean_and_deviation(recalls(trials))),
        ]
        for trials in comparison.values()
    ]
    first = next(iter(comparison.values()))[0].evaluation
    names = [
        f"recall of {name} ({count:,})"
        for name, count in zip(first.class_names, first.train_counts, strict=True)
    ]
    titles = ["balanced accuracy", *names]
    return [list(row) for row in zip(titles, *columns, strict=True)]


def percent(mean: float, deviation: float = np.nan) -> str:
    """Returns shares of 1 in %, as they read in a table.

    >>> percent(0.7312, 0.02), percent(0.5), percent(np.nan)
    ('73.1 ± 2.0', '50.0', '–')
    """
    if np.isnan(mean):
        return "–"
    spread = "" if np.isnan(deviation) else f" ± {100 * deviation:.1f}"
    return f"{100 * mean:.1f}{spread}"


def table(comparison: Comparison, title: str) -> Table:
    """Returns the rows as a table for the terminal."""
    shown = Table(title=title)
    shown.add_column("")
    for name in comparison:
        shown.add_column(name, justify="right")
    for index, row in enumerate(rows(comparison)):
        shown.add_row(*row, style="bold" if index == 0 else None, end_section=index == 0)
    return shown


def where_it_does_not_help(comparison: Comparison) -> str:
    """Says on which classes the last way is below another one, by its mean over the seeds.

    Returns:
        A sentence, or "" with one way only.
    """
    *others, (name, trials) = comparison.items()
    names = trials[0].evaluation.class_names
    mean = recalls(trials).mean(axis=0)
    parts = []
    for other, baseline in others:
        loss = recalls(baseline).mean(axis=0) - mean
        worse = [f"{names[k]} (−{100 * loss[k]:.1f})" for k in np.flatnonzero(loss > 0)]
        parts.append(f"below {other} on {', '.join(worse) if worse else 'no class'}")
    return f"Where it does not help: {name} is {'; '.join(parts)}." if parts else ""
