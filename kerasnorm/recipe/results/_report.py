"""The page about a run: one HTML file that fetches nothing."""

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from kerasnorm._choices import CHAPTERS
from kerasnorm._types import StrPath
from kerasnorm._validation import require
from kerasnorm.recipe.results._captions import capital, pictures
from kerasnorm.recipe.results._comparison import (
    Comparison,
    Trial,
    class_rows,
    summary_rows,
    where_it_does_not_help,
)
from kerasnorm.transfer import trainable_table

if TYPE_CHECKING:
    from kerasnorm.recipe.results._run import Run

_STYLE = """
:root { color: #1c2733; background: #fff; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 64rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: .5rem 0; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
.figures { display: grid; gap: 1.5rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); }
figure { margin: 0; }
figcaption { font-weight: 600; }
img { width: 100%; height: auto; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .75rem .25rem 0; text-align: right; border-bottom: 1px solid #dde3e9; }
td + td { white-space: nowrap; }
@media (max-width: 32rem) { table { font-size: .8rem; } th, td { padding-right: .4rem; } }
th { vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; }
tbody.first td { font-weight: 700; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.5rem; }
dt { font-weight: 600; } dd { margin: 0; }
@media (max-width: 32rem) { dl { display: block; } dd { margin-bottom: .5rem; } }
summary { cursor: pointer; }
pre { overflow-x: auto; background: #f4f6f8; padding: .75rem; }
"""


def write_report(path: StrPath, run: "Run", comparison: Comparison | None = None) -> None:
    """Writes the page; see `Run.report`."""
    require("matplotlib")
    if comparison is None and run.evaluation is not None:
        comparison = {"recipe": [Trial(run.history, run.evaluation)]}
        if run.recipe.correction is not None:
            uncorrected = [Trial(run.history, run.uncorrected)]
            comparison = {f"before {run.recipe.correction}": uncorrected, **comparison}
    parts = [
        *(_results(comparison) if comparison else ["<h1>How a model was trained</h1>"]),
        *_reasons(run),
        *pictures(run.history, run.evaluation, comparison),
        *_recipe(run),
        *_trained(run),
    ]
    page = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>kerasnorm report</title><style>{_STYLE}</style></head><body><main>",
        *parts,
        "</main></body></html>",
    ]
    Path(path).write_text("\n".join(page) + "\n", encoding="utf-8")


def _results(comparison: Comparison) -> list[str]:
    trials = list(comparison.values())[-1]
    evaluation = trials[0].evaluation
    held_out, count = int(evaluation.confusion.sum()), sum(evaluation.train_counts)
    unit, classes = evaluation.unit, len(evaluation.class_names)
    spread = (
        f"In %, mean ± standard deviation over {len(trials)} seeds."
        if len(trials) > 1
        else "In %, one seed."
    )
    return [
        "<h1>How well each class is recognized</h1>",
        f"<p>{count:,} training {unit}s of {classes} classes, {held_out:,} held out for "
        f"these figures. {spread}</p>",
        '<div class="wide"><table><thead>',
        _row(["", *comparison], "th"),
        '</thead><tbody class="first">',
        *map(_row, summary_rows(comparison)),
        "</tbody><tbody>",
        *map(_row, class_rows(comparison)),
        "</tbody></table></div>",
        f"<p>{escape(where_it_does_not_help(comparison))}</p>",
    ]


def _row(cells: list[str], tag: str = "td") -> str:
    scope = ' scope="col"' if tag == "th" else ""
    return "<tr>" + "".join(f"<{tag}{scope}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"


def _reasons(run: "Run") -> list[str]:
    if not run.reasons:
        return []
    shown = []
    for reason in run.reasons:
        chapter, _, why = reason.partition(": ")
        shown.append(f"<dt>{escape(chapter)}</dt><dd>{escape(capital(why))}</dd>")
    return ["<h2>Why this recipe</h2><dl>", *shown, "</dl>"]


def _recipe(run: "Run") -> list[str]:
    lines = [
        f"<dt>{chapter}</dt><dd>{escape(run.recipe.describe(chapter))}</dd>" for chapter in CHAPTERS
    ]
    return [
        "<h2>Recipe</h2><dl>",
        *lines,
        "</dl><details><summary>as a file</summary>",
        f"<pre>{escape(run.recipe.to_json())}</pre></details>",
    ]


def _trained(run: "Run") -> list[str]:
    table = trainable_table(run.model)
    trained = sum(row["trainable_parameters"] for row in table.rows)
    total = sum(row["parameters"] for row in table.rows)
    return [
        "<h2>What trained</h2>",
        f"<p>{trained:,} of {total:,} parameters in the last phase.</p>",
        f"<details><summary>layer by layer</summary><pre>{escape(str(table))}</pre></details>",
    ]
