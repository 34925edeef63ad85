"""The page about a run: one HTML file that fetches nothing."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from kerasnorm._choices import CHAPTERS, VALUES
from kerasnorm._types import StrPath
from kerasnorm._validation import require
from kerasnorm.recipe.results._captions import capital, pictures
from kerasnorm.recipe.results._comparison import (
    Comparison,
    Trial,
    class_rows,
    first_evaluation,
    headings,
    last_way,
    percent,
    summary_rows,
    where_it_does_not_help,
)
from kerasnorm.recipe.results._html import definitions, filled, folded, paragraph, section, table
from kerasnorm.recipe.results._looked_at import (
    HeldOut,
    label_maps,
    mistakes,
    recognised,
    wrong_labels,
)
from kerasnorm.recipe.results._next_steps import next_steps
from kerasnorm.recipe.results._predictions import LabelPredictions, PixelCounts, Predictions
from kerasnorm.recipe.results._standing_out import standing_out
from kerasnorm.recipe.results._temperature import scaled_calibration
from kerasnorm.transfer import trainable_table

if TYPE_CHECKING:
    from kerasnorm.recipe.results._run import Run

_FEW = 12  # classes that are listed at once


def write_report(
    path: StrPath,
    run: "Run",
    comparison: Comparison | None = None,
    held_out: HeldOut | None = None,
    files: Sequence[str] | None = None,
    about: Mapping[str, str] | None = None,
) -> None:
    """Writes the page; see `Run.report`."""
    require("matplotlib", "PIL")
    if comparison is None and run.evaluation is not None:
        comparison = {"recipe": [Trial(run.history, run.evaluation, run.predictions)]}
        if run.recipe.correction is not None and run.uncorrected is not None:
            uncorrected = [Trial(run.history, run.uncorrected)]
            comparison = {f"before {run.recipe.correction}": uncorrected, **comparison}
    found = run.predictions
    scaled = scaled_calibration(found) if isinstance(found, Predictions) else None
    parts = ["<h1>How a model was trained</h1>"]
    if comparison:
        parts = [*_results(comparison), standing_out(comparison)]
        if held_out is not None:
            parts += _looked_at(run, held_out, files)
        parts += [*_by_class(comparison), _next(next_steps(run, comparison, scaled))]
    parts += [
        *_reasons(run),
        pictures(run.history, run.evaluation, comparison, scaled),
        *_calibrated(run, scaled),
        _recipe(run),
        _trained(run),
    ]
    if about:
        parts.append(section("How it came about", definitions(about.items())))
    page = filled("page.html", style=filled("style.css"), body="\n".join(parts))
    Path(path).write_text(page, encoding="utf-8")


def _results(comparison: Comparison) -> list[str]:
    trials = last_way(comparison)
    evaluation = trials[0].evaluation
    held_out, count = evaluation.held_out, sum(evaluation.train_counts)
    unit, classes = evaluation.unit, len(evaluation.class_names)
    spread = (
        f"In %, mean ± standard deviation over {len(trials)} seeds."
        if len(trials) > 1
        else "In %, one seed."
    )
    rows = [[name, *cells] for name, _, _, *cells in summary_rows(comparison)]
    return [
        "<h1>How well each class is recognized</h1>",
        paragraph(
            f"{count:,} training {unit}s of {classes} classes, {held_out:,} held out for these "
            f"figures. {spread}"
        ),
        table(["", *comparison], rows, strong=True),
        paragraph(where_it_does_not_help(comparison)),
    ]


def _looked_at(run: "Run", held_out: HeldOut, files: Sequence[str] | None) -> list[str]:
    found, parts = run.predictions, []
    if isinstance(found, PixelCounts):
        shown = label_maps(run.model, found, held_out, files)
        parts.append(("The label maps with most mistakes", "", shown))
    elif isinstance(found, LabelPredictions):
        given = run.model, found, held_out, run.class_names, files
        parts = [("The surest mistakes", _WHERE, wrong_labels(*given))]
    elif isinstance(found, Predictions):
        given = run.model, found, held_out, run.class_names, files
        parts = [
            ("The surest mistakes", _WHERE, mistakes(*given)),
            ("Recognised for sure", "", recognised(*given)),
        ]
    return [
        section(title, *([paragraph(said)] if said else []), _gallery(shown))
        for title, said, shown in parts
        if shown
    ]


_WHERE = (
    "Beside each image, in red, is what spoke for the class that the model says (Grad-CAM). A sure "
    "mistake is often a wrong label, or something beside the object that the model looks at."
)


def _gallery(shown: list[str]) -> str:
    return '<div class="gallery">{}</div>'.format("\n".join(shown))


def _by_class(comparison: Comparison) -> list[str]:
    evaluation = first_evaluation(comparison)
    shown = table(headings(comparison), class_rows(comparison))
    title = "Every class"
    note = f"Training and held-out {evaluation.unit}s, and figures in %"
    if evaluation.unit == "example":
        note += ", in brackets their 95 % intervals over the held-out examples (Wilson)"
    if len(evaluation.class_names) > _FEW:
        shown = folded(f"all {len(evaluation.class_names)} classes", shown)
    return [section(title, paragraph(f"{note}."), shown)]


def _next(steps: list[str]) -> str:
    if not steps:
        return ""
    items = "\n".join(f"<li>{escape(step)}</li>" for step in steps)
    return section("What to try next", f"<ul>{items}</ul>")


def _reasons(run: "Run") -> list[str]:
    if not run.reasons:
        return []
    pairs = [reason.partition(": ") for reason in run.reasons]
    shown = definitions((chapter, capital(why)) for chapter, _, why in pairs)
    return [section("Why this recipe", shown)]


def _calibrated(run: "Run", scaled: tuple | None) -> list[str]:
    if scaled is None or run.evaluation is None or run.evaluation.calibration is None:
        return []
    after, temperature = scaled
    return [
        paragraph(
            f"Calibration: the expected calibration error is "
            f"{percent(run.evaluation.calibration.error)} %, and {percent(after.error)} % with the "
            f"logits divided by the temperature {temperature:.2f} (each half of the held-out "
            "examples by that of the other half)."
        )
    ]


def _recipe(run: "Run") -> str:
    fields = [(name, run.recipe.describe(name)) for name in (*CHAPTERS, *VALUES)]
    file = f"<pre>{escape(run.recipe.to_json())}</pre>"
    return section("Recipe", definitions(fields), folded("as a file", file))


def _trained(run: "Run") -> str:
    layers = trainable_table(run.model)
    trained = sum(row["trainable_parameters"] for row in layers.rows)
    total = sum(row["parameters"] for row in layers.rows)
    return section(
        "What trained",
        paragraph(f"{trained:,} of {total:,} parameters in the last phase."),
        folded("layer by layer", f"<pre>{escape(str(layers))}</pre>"),
    )
