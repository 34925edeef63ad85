"""Compares ways of training over seeds."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from rich.table import Table
from rich.text import Text

from kerasnorm.recipe.results._evaluation import Evaluation

Comparison = dict[str, list["Trial"]]


@dataclasses.dataclass(frozen=True, eq=False)
class Trial:
    """What one seed gave: the figures of a `Run` without its model."""

    history: dict[str, list[float]]
    evaluation: Evaluation


def mean_and_deviation(values: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Returns the mean over seeds and the sample standard deviation, NaN for one seed.

    >>> mean, deviation = mean_and_deviation([0.5, 0.7])
    >>> round(float(deviation), 3)
    0.141
    """
    rows = np.asarray(values, dtype=float)
    mean = rows.mean(axis=0)
    return mean, rows.std(axis=0, ddof=1) if len(rows) > 1 else mean * np.nan


def first_evaluation(comparison: Comparison) -> Evaluation:
    """Returns one that says what is measured of which classes."""
    return next(iter(comparison.values()))[0].evaluation


def judged_by(comparison: Comparison) -> str:
    """Returns the name of the figure by which each class is judged, such as "recall"."""
    return next(iter(first_evaluation(comparison).by_class()))


def by_class(trials: Sequence[Trial], name: str) -> np.ndarray:
    """Returns a figure of each class in each trial, (trials, K)."""
    return np.array([trial.evaluation.by_class()[name] for trial in trials])


def summary_rows(comparison: Comparison) -> list[list[str]]:
    """Returns a table in %: one row per overall metric, one column per way of training."""

    def cell(trials: Sequence[Trial], name: str) -> str:
        figures = [trial.evaluation.summary()[name] for trial in trials]
        return percent(*map(float, mean_and_deviation(figures)))

    names = first_evaluation(comparison).summary()
    return [[name, *(cell(trials, name) for trials in comparison.values())] for name in names]


def class_rows(comparison: Comparison) -> list[list[str]]:
    """Returns a table in %: one row per class and metric, one column per way of training."""
    first, found = first_evaluation(comparison), []
    for figure in first.by_class():
        columns = [
            map(percent, *mean_and_deviation(by_class(trials, figure)))
            for trials in comparison.values()
        ]
        titles = [
            f"{figure} of {name} ({count:,})"
            for name, count in zip(first.class_names, first.train_counts, strict=True)
        ]
        found += [list(row) for row in zip(titles, *columns, strict=True)]
    return found


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
    shown = Table(title=Text(title))  # names may look like Rich's markup
    shown.add_column("")
    for name in comparison:
        shown.add_column(Text(name), justify="right")
    summary = summary_rows(comparison)
    for row in summary:
        shown.add_row(*map(Text, row), style="bold", end_section=row is summary[-1])
    for row in class_rows(comparison):
        shown.add_row(*map(Text, row))
    return shown


def where_it_does_not_help(comparison: Comparison) -> str:
    """Says where the last way is not ahead of another one, by its mean over the seeds.

    Returns:
        A sentence, or "" with one way only.
    """
    *others, (name, trials) = comparison.items()
    names, figure = trials[0].evaluation.class_names, judged_by(comparison)
    mean = by_class(trials, figure).mean(axis=0)
    parts = []
    for other, baseline in others:
        loss = by_class(baseline, figure).mean(axis=0) - mean
        worse = [f"{names[k]} (−{100 * loss[k]:.1f})" for k in np.flatnonzero(loss > 0)]
        part = f"below {other} on {', '.join(worse) if worse else 'no class'}"
        ours, theirs = (
            np.mean([each.evaluation.score for each in ways]) for ways in (trials, baseline)
        )
        if theirs >= ours:
            score = trials[0].evaluation.score_name
            part = f"not ahead in {score} ({percent(ours)} against {percent(theirs)} %), {part}"
        parts.append(part)
    return f"Where it does not help: {name} is {'; '.join(parts)}." if parts else ""
