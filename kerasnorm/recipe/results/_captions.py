"""Draws the figures of the report, each with a caption and an alternative text."""

from kerasnorm.recipe.results import _plots
from kerasnorm.recipe.results._calibration import Calibration
from kerasnorm.recipe.results._comparison import (
    Comparison,
    class_rows,
    first_evaluation,
    judged_by,
    percent,
    summary_rows,
)
from kerasnorm.recipe.results._evaluation import Evaluation
from kerasnorm.recipe.results._html import figure, section


def pictures(
    history: dict[str, list[float]],
    evaluation: Evaluation | None,
    comparison: Comparison | None,
    scaled: tuple[Calibration, float] | None,
) -> str:
    """Returns the section with all plots about a run."""
    shown = [
        *(_by_way(comparison) if comparison else []),
        *(_by_epoch(history) if "loss" in history else []),
        *(_of_first_seed(evaluation, scaled) if evaluation is not None else []),
    ]
    title = judged_by(comparison) if comparison else "recall"
    body = "\n".join(shown)
    return section(f"Curves, {title} and confusion", f'<div class="figures">{body}</div>')


def _by_way(comparison: Comparison) -> list[str]:
    evaluation, judged = first_evaluation(comparison), capital(judged_by(comparison))
    by_class = "; ".join(" ".join(row) for row in class_rows(comparison)[:12])
    shown = [
        figure(
            f"{judged} by frequency of the class",
            _plots.class_figure(comparison),
            f"{judged} of each class, with its training and held-out examples: {by_class}",
        )
    ]
    if all(evaluation.monitor in trial.history for trial, *_ in comparison.values()):
        last, score = ", ".join(summary_rows(comparison)[0][3:]), capital(evaluation.score_name)
        shown.append(
            figure(
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
        figure(
            "Loss by epoch, first seed",
            _plots.loss_figure(history),
            f"Loss by epoch; on training examples from {losses}",
        )
    ]


def _of_first_seed(evaluation: Evaluation, scaled: tuple[Calibration, float] | None) -> list[str]:
    pixels, count = evaluation.unit == "pixel", len(evaluation.class_names)
    of_pixels = " of pixels" if pixels else ""
    of_classes = evaluation.confusion.shape == (count, count)  # not of labels, nor of contours
    shown = _confusion(evaluation, of_pixels) if of_classes else []
    if evaluation.calibration is not None:
        said = f"expected calibration error {percent(evaluation.calibration.error)} %"
        if scaled is not None:
            said += f", after temperature scaling {percent(scaled[0].error)} %"
        shown.append(
            figure(
                f"Calibration{of_pixels}, first seed",
                _plots.calibration_figure(evaluation.calibration, scaled and scaled[0]),
                f"Share of right predictions by how sure the model is; {said}",
            )
        )
    return shown


def _confusion(evaluation: Evaluation, of_pixels: str) -> list[str]:
    score, in_shares = percent(evaluation.score), " in % of the true class" if of_pixels else ""
    return [
        figure(
            f"Confusion{of_pixels}, first seed",
            _plots.confusion_figure(evaluation),
            f"Confusion matrix{in_shares}, true classes down, predicted across; "
            f"{evaluation.score_name} {score} %",
        )
    ]


def capital(text: str) -> str:
    """Returns the text with a capital at its beginning."""
    return text[:1].upper() + text[1:]
