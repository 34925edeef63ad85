"""Compares ways of training over seeds."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from rich.table import Table
from rich.text import Text

from kerasnorm._validation import joined
from kerasnorm.recipe.results._difference import difference
from kerasnorm.recipe.results._evaluation import Evaluation
from kerasnorm.recipe.results._intervals import wilson
from kerasnorm.recipe.results._predictions import LabelPredictions, PixelCounts, Predictions

MOST = 24  # classes, in a terminal
LISTED = 8  # classes, in a sentence

Comparison = dict[str, list["Trial"]]


@dataclasses.dataclass(frozen=True, eq=False)
class Trial:
    """What one seed gave: the figures of a `Run` without its model."""

    history: dict[str, list[float]]
    evaluation: Evaluation
    predictions: Predictions | LabelPredictions | PixelCounts | None = None


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
    """Returns a table in %: a row a figure about all classes, below the `headings`."""

    def cell(trials: Sequence[Trial], name: str) -> str:
        figures = [trial.evaluation.summary()[name] for trial in trials]
        return percent(*map(float, mean_and_deviation(figures)))

    names = first_evaluation(comparison).summary()
    return [
        [name, "", "", *(cell(trials, name) for trials in comparison.values())] for name in names
    ]


def headings(comparison: Comparison) -> list[str]:
    """Returns what is above the columns of `summary_rows` and `class_rows`."""
    return ["", "train", "held out", *comparison]


def class_rows(comparison: Comparison, classes: Sequence[int] | None = None) -> list[list[str]]:
    """Returns a table in %: a row a class and figure, below the `headings`.

    Beside a recall of examples is its 95 % interval; pixels of one image are too much alike.
    """
    first, found = first_evaluation(comparison), []
    held_out = np.mean([trial.evaluation.support for trial in last_way(comparison)], axis=0)
    chosen = range(len(first.class_names)) if classes is None else classes
    for figure in first.by_class():
        columns = [_cells(trials, figure, held_out) for trials in comparison.values()]
        for k in chosen:
            title, counts = f"{figure} of {first.class_names[k]}", first.train_counts[k]
            cells = [column[k] for column in columns]
            found.append([title, f"{counts:,}", f"{held_out[k]:,.0f}", *cells])
    return found


def _cells(trials: Sequence[Trial], figure: str, held_out: np.ndarray) -> list[str]:
    mean, deviation = mean_and_deviation(by_class(trials, figure))
    cells = [percent(*each) for each in zip(mean, deviation, strict=True)]
    if figure != "recall" or trials[0].evaluation.unit != "example":
        return cells
    ends = zip(*wilson(mean, held_out), strict=True)
    return [
        cell if np.isnan(low) else f"{cell} ({100 * low:.0f}–{100 * high:.0f})"
        for cell, (low, high) in zip(cells, ends, strict=True)
    ]


def last_way(comparison: Comparison) -> list[Trial]:
    """Returns the trials of the way that the others are compared with."""
    return list(comparison.values())[-1]


def worst_classes(comparison: Comparison) -> np.ndarray:
    """Returns the classes with held-out examples, by the figure of the last way, lowest first."""
    mean = by_class(last_way(comparison), judged_by(comparison)).mean(axis=0)
    order = np.argsort(mean, kind="stable")
    return order[~np.isnan(mean[order])]


def percent(mean: float, deviation: float = np.nan) -> str:
    """Returns shares of 1 in %, as they read in a table.

    >>> percent(0.7312, 0.02), percent(0.5), percent(np.nan)
    ('73.1 ± 2.0', '50.0', '–')
    """
    if np.isnan(mean):
        return "–"
    spread = "" if np.isnan(deviation) else f" ± {100 * deviation:.1f}"
    return f"{100 * mean:.1f}{spread}"


def table(comparison: Comparison, title: str, most: int = MOST) -> Table:
    """Returns the rows as a table for the terminal, with at most so many classes, the worst."""
    shown = Table(title=Text(title))  # names may look like Rich's markup
    figures = list(first_evaluation(comparison).by_class())
    (_, *titles), alone = headings(comparison), len(figures) == 1
    for index, name in enumerate([figures[0] if alone else "", *titles]):
        shown.add_column(Text(name), justify="right" if index else "left", overflow="fold")
    summary = summary_rows(comparison)
    for row in summary:
        shown.add_row(*map(Text, row), style="bold", end_section=row is summary[-1])
    classes = len(first_evaluation(comparison).class_names)
    chosen = None if classes <= most else worst_classes(comparison)[:most].tolist()
    for name, *cells in class_rows(comparison, chosen):
        name = name.removeprefix(f"{figures[0]} of ") if alone else name
        shown.add_row(*map(Text, [name, *cells]))
    if chosen is not None:
        shown.caption = Text(f"The {len(chosen)} worst of {classes} classes; report.html has all.")
    return shown


def where_it_does_not_help(comparison: Comparison) -> str:
    """Says how the last way's score stands to another one's, and in which classes it is lower.

    Returns:
        A sentence, or "" with one way only.
    """
    *others, (name, trials) = comparison.items()
    names, figure = trials[0].evaluation.class_names, judged_by(comparison)
    score, mean = trials[0].evaluation.score_name, by_class(trials, figure).mean(axis=0)
    ours = np.mean([trial.evaluation.score for trial in trials])
    parts = []
    for other, baseline in others:
        theirs = np.mean([trial.evaluation.score for trial in baseline])
        loss = by_class(baseline, figure).mean(axis=0) - mean
        worse = [k for k in np.argsort(-loss, kind="stable") if loss[k] > 0]
        lower = joined((f"{names[k]} (−{100 * loss[k]:.1f})" for k in worse), most=LISTED)
        parts.append(
            f"against {other} ({percent(theirs)} %) {difference(trials, baseline)}, "
            f"lower {figure} on {lower or 'no class'}"
        )
    if not parts:
        return ""
    return f"Where it does not help: {name} has {score} {percent(ours)} %; {'; '.join(parts)}."
