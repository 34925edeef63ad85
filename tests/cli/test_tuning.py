"""`kerasnorm tune`."""

import json

import pytest
from backends import once
from cli.image_folders import COUNTS, WRITTEN, write_images

from kerasnorm.cli import main
from kerasnorm.cli.running._tune import _best_last
from kerasnorm.recipe import Advice, Recipe
from kerasnorm.tuning import Search

pytest.importorskip("keras_tuner")
pytest.importorskip("matplotlib")
pytestmark = [pytest.mark.usefixtures("without_tracing"), once]


def tune(folder, out, *arguments):
    quick = ["--image-size", "16", "--epochs", "1", "--trials", "2"]
    return main(["tune", str(folder), "--out", str(out), *quick, *map(str, arguments)])


def test_a_folder_end_to_end(tmp_path, capsys, without_report):
    photos, out = write_images(tmp_path / "photos"), tmp_path / "run"
    arguments = ["--space", "losses", "--study", tmp_path / "study"]
    assert tune(photos, out, *arguments) == 0
    printed = capsys.readouterr().out
    assert "values drawn" in printed and "advised" in printed and "tuned" in printed
    assert {path.name for path in out.iterdir()} == WRITTEN | {"trials.json"}
    trials = json.loads((out / "trials.json").read_text())
    best = max(trials, key=lambda row: row["score"])
    comparison = json.loads((out / "comparison.json").read_text())
    written = json.loads((out / "recipe.json").read_text())
    assert len(trials) == 2 and set(comparison) == {"advised", "tuned"}
    assert (best["recipe"] == written) == ([*comparison][-1] == "tuned")
    assert comparison["tuned"][0]["class_names"] == [*COUNTS]
    assert Recipe.from_json((out / "recipe.json").read_text()).transfer == "scratch"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--trials", "0"], "`--trials`"),
        (["--space", "all"], "none of its choices"),
        (["--seeds", "0"], "`--seeds`"),
        (["--distributed", "optuna"], "--distributed needs --study"),
    ],
)
def test_refuses(arguments, said, tmp_path, capsys):
    photos = write_images(tmp_path / "photos")
    assert tune(photos, tmp_path / "run", *arguments) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("score", "last"), [(0.5, "tuned"), (0.9, "advised")])
def test_the_better_one_is_written(score, last, capsys):
    found = Search(Recipe(loss="focal"), None, [{"score": None}, {"score": 0.7}, {"score": 0.6}])
    ways = _best_last(Advice(Recipe(), []), score, found)
    assert [*ways][-1] == last
    said = "no trial beats the advised recipe on the validation images (0.700, advised 0.900)"
    assert (said in capsys.readouterr().err) == (last == "advised")
