"""Draws the figures of the report, each with a caption and an alternative text."""

from html import escape

from kerasnorm.recipe.results import _plots
from kerasnorm.recipe.results._comparison import (
    Comparison,
    class_rows,
    first_evaluation,
    judged_by,
    percent,
    summary_rows,
)
from kerasnorm.recipe.results._evaluation import Evaluation


def pictures(
    history: dict[str, list[float]], evaluation: Evaluation | None, comparison: Comparison | None
) -> list[str]:
    """Returns the lines of HTML with all pictures about a run."""
    shown = [
        *(_by_way(comparison) if comparison else []),
        *(_by_epoch(history) if "loss" in history else []),
        *(_of_first_seed(evaluation) if evaluation is not None else []),
    ]
    title = judged_by(comparison) if comparison else "recall"
    return [f"<h2>Curves, {title} and confusion</h2>", '<div class="figures">', *shown, "</div>"]


def _by_way(comparison: Comparison) -> list[str]:
    evaluation, figure = first_evaluation(comparison), capital(judged_by(comparison))
    by_class = "; ".join(" ".join(row) for row in class_rows(comparison)[:12])
    shown = [
        _figure(
            f"{figure} by frequency of the class",
            _plots.class_figure(comparison),
            f"{figure} of each class, the most frequent first: {by_class}",
        )
    ]
    if all(evaluation.monitor in trial.history for trial, *_ in comparison.values()):
        last, score = ", ".join(summary_rows(comparison)[0][1:]), capital(evaluation.score_name)
        shown.append(
            _figure(
                f"{score} by epoch",
                _plots.score_figure(comparison, evaluation.monitor),
                f"{score} on validation examples by epoch of {', '.join(comparison)}; "
                f"of the weights kept, on the examples of the table, {last}",
            )
        )
    return shown


def _by_epoch(history: dict[str, list[float]]) -> list[str]:
    losses = f"{history['loss'][0]:.3g} to {history['loss'][-1]:.3g}"
    return [
        _figure(
            "Loss by epoch, first seed",
            _plots.loss_figure(history),
            f"Loss by epoch; on training examples from {losses}",
        )
    ]


def _of_first_seed(evaluation: Evaluation) -> list[str]:
    score, pixels = percent(evaluation.score), evaluation.unit == "pixel"
    of_pixels, in_shares = (" of pixels", " in % of the true class") if pixels else ("", "")
    shown = [
        _figure(
            f"Confusion{of_pixels}, first seed",
            _plots.confusion_figure(evaluation),
            f"Confusion matrix{in_shares}, true classes down, predicted across; "
            f"{evaluation.score_name} {score} %",
        )
    ]
    if evaluation.calibration is not None:
        error = percent(evaluation.calibration.error)
        shown.append(
            _figure(
                f"Calibration{of_pixels}, first seed",
                _plots.calibration_figure(evaluation.calibration),
                "Share of right predictions by how sure the model is; expected calibration error "
                f"{error} %",
            )
        )
    return shown


def capital(text: str) -> str:
    """Returns the text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def _figure(caption: str, picture: str, alt: str) -> str:
    return (
        f"<figure><figcaption>{escape(caption)}</figcaption>"
        f'<img src="{picture}" alt="{escape(alt)}"></figure>'
    )
