"""Draws the results of a search."""

from typing import TYPE_CHECKING, Any

import numpy as np

from kerasnorm._validation import require

if TYPE_CHECKING:
    from kerasnorm.tuning._search_result import Search

_COLUMNS = 3


def plot_scores(search: "Search", ax: Any = None) -> Any:
    """Draws scores by trial, the best so far as steps, failed trials as crosses at the bottom."""
    if ax is None:
        ax = _figure((6, 4)).subplots()
    done = [row for row in search.trials if row["status"] == "completed"]
    numbers, scores = [row["number"] for row in done], [row["score"] for row in done]
    so_far = (np.maximum if search.maximize else np.minimum).accumulate(scores)
    ax.plot(numbers, scores, "o", label="trial")
    ax.step(numbers, so_far, where="post", label="best so far")
    failed = [row["number"] for row in search.trials if row["status"] != "completed"]
    if failed:
        bottom = ax.get_xaxis_transform()  # y from 0 to 1
        ax.plot(failed, [0.02] * len(failed), "x", color="grey", label="failed", transform=bottom)
    ax.set(xlabel="trial", ylabel=search.objective)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend()
    return ax


def plot_settings(search: "Search") -> Any:
    """Draws one panel for each setting: numbers along an axis, other values side by side."""
    names = search.settings
    rows = -(-len(names) // _COLUMNS)
    columns = min(len(names), _COLUMNS)
    figure = _figure((3 * columns, 0.5 + 2.5 * rows))
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for panel, name in zip(panels.flat, names, strict=False):
        done = [row for row in search.trials if row["status"] == "completed"]
        drawn = [row for row in done if name in row["settings"]]
        _scatter(panel, [row["settings"][name] for row in drawn], [row["score"] for row in drawn])
        panel.set(xlabel=name)
    for row in panels:
        row[0].set(ylabel=search.objective)
    for panel in panels.flat[len(names) :]:
        panel.remove()
    return figure


def _scatter(panel: Any, values: list[Any], scores: list[float]) -> None:
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        panel.plot(values, scores, "o")
        if values and 0 < 10 * min(values) < max(values):
            panel.set_xscale("log")
    else:
        panel.plot([str(value) for value in values], scores, "o")
        for label in panel.get_xticklabels():  # names are longer than they are apart
            label.set(rotation=30, ha="right", rotation_mode="anchor")


def _figure(size: tuple[float, float]) -> Any:
    require("matplotlib")
    from matplotlib.figure import Figure

    return Figure(size, layout="constrained")
