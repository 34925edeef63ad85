"""The pictures of the report."""

import base64
import io
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasnorm._table import plot_name
from kerasnorm.recipe.results._calibration import Calibration
from kerasnorm.recipe.results._comparison import (
    Comparison,
    by_class,
    first_evaluation,
    judged_by,
    mean_and_deviation,
)
from kerasnorm.recipe.results._evaluation import Evaluation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLORS = ("#a3a3a3", "#d08a2e", "#1f6fb2")
_MARKERS = ("s", "D", "o")
_FEW = 12  # classes that can have a name and numbers each
_NAMED = 30  # classes that can have a name each, in small letters
_SHORT, _LETTERS = 16, 40  # of a name, and of all names beside each other


def loss_figure(history: dict[str, list[float]]) -> str:
    """Draws the loss on training and held-out examples by epoch."""
    figure = _new_figure()
    axes = figure.subplots()
    epochs = np.arange(1, len(history["loss"]) + 1)
    marker = _marker(epochs)
    axes.plot(epochs, history["loss"], marker, color=_COLORS[0], label="training")
    if "val_loss" in history:
        axes.plot(epochs, history["val_loss"], marker, color=_COLORS[2], label="validation")
    axes.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
    axes.legend(frameon=False)
    return _as_data_uri(figure)


def score_figure(comparison: Comparison, monitor: str) -> str:
    """Draws a held-out figure by epoch: means over seeds, and a band of one deviation."""
    figure = _new_figure()
    axes = figure.subplots()
    for (name, trials), (color, _) in zip(comparison.items(), _looks(comparison), strict=True):
        curves = [100 * np.array(trial.history[monitor]) for trial in trials]
        shortest = min(map(len, curves))  # patience may have stopped some of them
        mean, deviation = mean_and_deviation([curve[:shortest] for curve in curves])
        epochs = np.arange(1, len(mean) + 1)
        axes.plot(epochs, mean, _marker(epochs), color=color, label=plot_name(name))
        axes.fill_between(epochs, mean - deviation, mean + deviation, color=color, alpha=0.15, lw=0)
    name = first_evaluation(comparison).score_name
    axes.set(xlabel="epoch", ylabel=f"{name}, %", ylim=(0, 102))
    axes.legend(frameon=False, loc="lower right")
    return _as_data_uri(figure)


def class_figure(comparison: Comparison) -> str:
    """Draws the figure by which each class is judged, from the most to the least frequent."""
    figure = _new_figure(3.6)
    axes = figure.subplots()
    evaluation, figure_name = first_evaluation(comparison), judged_by(comparison)
    counts = np.asarray(evaluation.train_counts)
    order = np.argsort(-counts, kind="stable")
    for index, (name, trials) in enumerate(comparison.items()):
        color, marker = list(_looks(comparison))[index]
        mean, deviation = mean_and_deviation(100 * by_class(trials, figure_name)[:, order])
        place = np.arange(len(order)) + 0.18 * (index - (len(comparison) - 1) / 2)
        axes.errorbar(
            place,
            mean,
            deviation,
            color=color,
            marker=marker,
            ls="",
            capsize=2,
            label=plot_name(name),
        )
    names = [plot_name(evaluation.class_names[k], _SHORT) for k in order]
    if len(names) * max(map(len, names)) <= _LETTERS:
        labels = [f"{name}\n{counts[k]:,}" for name, k in zip(names, order, strict=True)]
        axes.set_xticks(np.arange(len(order)), labels)
        axes.set_xlabel(f"class, and its training {evaluation.unit}s")
    elif len(names) <= _NAMED:
        axes.set_xticks(np.arange(len(order)), names, **_upright(len(names)))
        axes.set_xlabel(f"class: {counts[order[0]]:,} to {counts[order[-1]]:,} {evaluation.unit}s")
    else:
        axes.set_xlabel(
            f"rank of the class: {counts[order[0]]:,} to {counts[order[-1]]:,} {evaluation.unit}s"
        )
    axes.set(ylabel=f"{figure_name}, %", ylim=(-3, 103))
    axes.grid(axis="y", alpha=0.3)
    if len(comparison) > 1:
        figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return _as_data_uri(figure)


def confusion_figure(evaluation: Evaluation) -> str:
    """Draws the confusion matrix, each row shaded by shares of the true class.

    The numbers are counts, and of pixels, which are too many to read, shares in %.
    """
    figure = _new_figure(4.2)
    axes = figure.subplots()
    confusion, names = (
        evaluation.confusion,
        [plot_name(name, _SHORT) for name in evaluation.class_names],
    )
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="predicted", ylabel="true")
    if len(names) <= _NAMED:
        ticks, style = np.arange(len(names)), _upright(len(names))
        axes.set_xticks(ticks, names, **style)
        axes.set_yticks(ticks, names, fontsize=style["fontsize"])
    else:
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.yaxis.get_major_locator().set_params(integer=True)
    if len(names) <= _FEW:
        cells = np.round(100 * shares) if evaluation.unit == "pixel" else confusion
        for (row, column), count in np.ndenumerate(cells.astype(int)):
            color = "white" if shares[row, column] > 0.6 else "black"
            axes.text(column, row, f"{count}", ha="center", va="center", color=color)
    axes.spines[:].set_visible(False)
    return _as_data_uri(figure)


def calibration_figure(calibration: Calibration, scaled: Calibration | None = None) -> str:
    """Draws the share of right predictions by the probability that the model gave them.

    Args:
        calibration: Of the model.
        scaled: After temperature scaling; None: it is not drawn.
    """
    figure = _new_figure(3.6)
    axes = figure.subplots()
    axes.plot([0, 100], [0, 100], color=_COLORS[0], lw=1, label="as sure as right")
    name = "as it is" if scaled is not None else None
    for each, label, color in [(calibration, name, _COLORS[2]), (scaled, "scaled", _COLORS[1])]:
        if each is None:
            continue
        counts = np.array(each.counts)
        used = counts > 0
        confidence, accuracy = (
            100 * np.array(values)[used] for values in (each.confidence, each.accuracy)
        )
        sizes = 20 + 180 * counts[used] / counts.max()
        axes.scatter(confidence, accuracy, s=sizes, color=color, alpha=0.7, label=label)
    axes.set(xlabel="mean probability of the predicted class, %", ylabel="of them right, %")
    axes.set(xlim=(0, 103), ylim=(-3, 103))
    legend = axes.legend(frameon=False, loc="upper left")
    for handle in legend.legend_handles[1:]:
        handle.set_sizes([40])
    return _as_data_uri(figure)


def _upright(count: int) -> dict[str, Any]:
    """Returns how names are written that do not fit beside each other."""
    return {"rotation": 90, "fontsize": 10 if count <= _FEW else 7}


def _marker(epochs: np.ndarray) -> str:
    """Returns how a curve is drawn: a single point is no line."""
    return "o" if len(epochs) == 1 else "-"


def _looks(comparison: Comparison) -> list[tuple[str, str]]:
    """Returns a colour and a marker for each way of training, always the same for the last."""
    looks: list[tuple[str, str]] = list(zip(_COLORS, _MARKERS, strict=True))
    return (looks[:1] * len(comparison) + looks)[-len(comparison) :]


def _new_figure(height: float = 3.2) -> "Figure":
    """Returns an empty figure, small enough for its text to be read on a phone."""
    from matplotlib.figure import Figure

    return Figure(figsize=(4.6, height), layout="constrained")


def _as_data_uri(figure: "Figure") -> str:
    """Returns a figure as an address that holds the SVG picture itself."""
    from matplotlib import rc_context

    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
        if axes.get_xlabel() == "epoch":
            axes.xaxis.get_major_locator().set_params(integer=True)
    buffer = io.BytesIO()
    fonts = {"svg.hashsalt": "kerasnorm", "svg.fonttype": "none"}  # the browser has all scripts
    with rc_context(fonts), warnings.catch_warnings():
        # its own font cannot write all names; the browser can
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
