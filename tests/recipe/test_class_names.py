"""Class names are printed and drawn as they are, whatever they mean to Rich, matplotlib, HTML."""

import html
import io
import warnings

import keras
import numpy as np
import pytest
from backends import once
from rich.console import Console

from kerasnorm._table import plot_name
from kerasnorm.imbalance import ClassCounts
from kerasnorm.recipe import Evaluation, Recipe, Run
from kerasnorm.recipe.results import Predictions, Trial, table

pytest.importorskip("matplotlib")
pytestmark = once

NAMES = {
    "of markup, formulas, tags; Chinese": [
        *("[/]", "[bold]cat", "[red]dog[/red]"),
        *("$5", "x_$y^$", r"\alpha"),
        *("<script>alert(1)</script>", "&amp;", "'\""),
        *("猫", "狗", "猫头鹰"),
    ],
    "many long ones": [f"{'n' * 57}{i:03}" for i in range(200)],
}


@pytest.mark.parametrize("form", NAMES)
def test_names(form, tmp_path):
    names = tuple(NAMES[form])
    labels = np.repeat(np.arange(len(names)), 3)
    outputs = iter([(labels, np.eye(len(names))[np.roll(labels, 1)])])
    counts = np.arange(1, len(names) + 1)
    evaluation = Evaluation.of(names, counts, outputs, True)
    comparison = {"plain": [Trial({"loss": [1.0]}, evaluation)]}
    printed = Console(file=io.StringIO(), width=200)
    printed.print(table(comparison, "title", most=200))
    assert all(name in printed.file.getvalue() for name in names)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(len(names))])
    found = Predictions(labels, np.eye(len(names))[np.roll(labels, 1)])
    run = Run(model, {"loss": [1.0]}, evaluation, Recipe(), evaluation, predictions=found)
    pictures = np.zeros((len(labels), 4, 4, 1)), labels
    files = [f"{name.replace('/', '_')}.png" for name in np.repeat(names, 3)]
    about = {"command": f"kerasnorm fit {names[0]}"}
    run.report(tmp_path / "report.html", comparison, held_out=pictures, files=files, about=about)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    text = html.unescape(page)
    assert all(name in text for name in names)
    assert text.count("taken for") >= 4 and files[0] in text
    axes = ClassCounts(counts, names).plot()
    found = [label.get_text() for label in axes.get_xticklabels()]
    assert found == [plot_name(name) for name in names[::-1]] or len(names) == 200
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # matplotlib's font has no Chinese ones
        axes.figure.savefig(tmp_path / "counts.png")
