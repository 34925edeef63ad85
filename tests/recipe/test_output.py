"""What is written: whole or not at all."""

import dataclasses
import json
import re
import sys

import keras
import numpy as np
import pytest
from backends import once
from recipe.recipe_models import convnet, images, perceptron, points

from kerasnorm._existing import RUN_FILES
from kerasnorm._files import staged
from kerasnorm.recipe import Recipe, Run, fit
from kerasnorm.recipe.results._calibration import binned, calibration
from kerasnorm.recipe.results._comparison import Trial, class_rows, where_it_does_not_help
from kerasnorm.recipe.results._evaluation import Evaluation

TRAIN, HELD_OUT = images(seed=0), images((6, 5, 4), seed=1)
POINTS = points()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("output") / "new" / "run"


@pytest.fixture(scope="module")
def run(folder):
    keras.utils.set_random_seed(0)
    recipe = Recipe(transfer_settings={"until": "stem"}, imbalance="resample")
    settings = {"classes": ["<cat>", "dog & co", "owl"], "output": folder}
    return fit(recipe, convnet(), TRAIN, HELD_OUT, 1, verbose=0, seed=0, **settings)


def test_output_of_fit(run, folder):
    names = {path.name for path in folder.iterdir()}
    parts = {"recipe", "history", "evaluation", "reasons"}
    assert names == {"model.keras"} | {f"{part}.json" for part in parts}
    assert [path.name for path in folder.parent.iterdir()] == ["run"]
    assert Recipe.from_json((folder / "recipe.json").read_text()) == run.recipe
    evaluation = json.loads((folder / "evaluation.json").read_text())
    assert evaluation["confusion"] == run.evaluation.confusion.tolist()
    assert json.loads((folder / "history.json").read_text()) == run.history


@once
def test_the_optimizer_is_in_the_file_on_request(tmp_path):
    """And stays with the model in memory."""
    x, y = points()
    run = fit(Recipe(), perceptron(), (x, y), epochs=1, verbose=0, seed=0)
    optimizer = run.model.optimizer
    run.save(tmp_path / "small")
    assert run.model.compiled and run.model.optimizer is optimizer
    run.save(tmp_path / "whole", include_optimizer=True)
    small, whole = (
        keras.saving.load_model(tmp_path / name / "model.keras") for name in ("small", "whole")
    )
    assert not small.compiled and whole.optimizer.name == optimizer.name
    assert len(whole.optimizer.variables) == len(optimizer.variables)
    expected = keras.ops.convert_to_numpy(run.model(x))
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(small(x)), expected)


@once
def test_a_failure_leaves_nothing(tmp_path):
    """A callback fails, as a full disk would."""

    class Failing(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fit(
            Recipe(),
            perceptron(),
            POINTS,
            epochs=1,
            output=tmp_path / "a" / "b",
            verbose=0,
            callbacks=[Failing()],
        )
    assert list(tmp_path.iterdir()) == []


@once
def test_an_existing_output_stays(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="overwrite"), staged(folder):
        pass
    failing = pytest.raises(ZeroDivisionError)
    with failing, staged(folder, overwrite=True, own={"mine.txt"}) as stage:
        (stage / "mine.txt").write_text("new")
        1 / 0  # noqa: B018
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert (folder / "mine.txt").read_text() == "mine"


@once
def test_overwriting_keeps_what_is_not_written_again(tmp_path):
    folder = tmp_path / "run"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "mine.txt").write_text("mine")
    (folder / "result").write_text("old")
    with staged(folder, overwrite=True, own={"result"}) as stage:
        (stage / "result").write_text("new")
    assert (folder / "result").read_text() == "new"
    assert (folder / "sub" / "mine.txt").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@once
def test_an_empty_folder_is_no_obstacle_and_a_file_is(tmp_path):
    with staged(tmp_path / "empty"):
        pass
    with staged(tmp_path / "empty") as stage:
        (stage / "result").write_text("new")
    assert (tmp_path / "empty" / "result").exists()
    (tmp_path / "file").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(FileExistsError, match="a file"), staged(tmp_path / "file", overwrite):
            pass


@once
def test_a_run_replaces_runs_alone(tmp_path, run, monkeypatch):
    (tmp_path / "notes.txt").write_text("mine")
    monkeypatch.chdir(tmp_path)
    for place in (".", tmp_path.parent, tmp_path):
        with pytest.raises(FileExistsError, match="Name a new folder, such as"):
            run.save(place)
    run.save("mine")
    run.save("mine")
    assert {path.name for path in tmp_path.iterdir()} == {"notes.txt", "mine"}


@once
def test_a_history_that_diverged_is_json(tmp_path, run):
    history = {"loss": [0.5, float("nan")], "val_loss": [float("inf"), 0.25]}
    dataclasses.replace(run, history=history).save(tmp_path / "run")
    text = (tmp_path / "run" / "history.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail)["loss"] == [0.5, None]
    read = Run.load(tmp_path / "run").history
    np.testing.assert_array_equal(read["loss"], history["loss"])
    np.testing.assert_array_equal(read["val_loss"], [np.nan, 0.25])


@once
def test_report(tmp_path, run):
    pytest.importorskip("matplotlib")
    path = tmp_path / "report.html"
    run.report(path)
    page = path.read_text()
    assert not re.search(r"https?://|src=\"(?!data:)|href=|<script|<link|@import|url\(", page)
    pictures = re.findall(r'<img src="data:image/svg\+xml;base64,[^"]+" alt="([^"]{20,})">', page)
    assert len(pictures) == 5 == page.count("<img") == page.count("<figcaption>")
    assert "&lt;cat&gt;" in page and "<cat>" not in page and "dog &amp; co" in page
    assert "resample" in page and "until=stem" in page
    rows = re.findall(r"^(stem\S*|top\S*|head) .*?(yes|no)\b", page, re.MULTILINE)
    assert {trains for name, trains in rows if name.startswith("stem")} == {"no"}
    assert {trains for name, trains in rows if name in ("top", "head")} == {"yes"}
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


@once
def test_report_without_validation(tmp_path, run):
    pytest.importorskip("matplotlib")
    history = {name: run.history[name] for name in ("loss", "accuracy", "balanced_accuracy")}
    Run(run.model, history, None, run.recipe).report(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text().count("<img") == 1


@once
def test_report_says_when_matplotlib_is_missing(tmp_path, run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="of the extra 'vision': pip install"):
        run.report(tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


@once
def test_report_of_many_classes_and_seeds(tmp_path, run):
    pytest.importorskip("matplotlib")
    rng = np.random.default_rng(0)

    def trial(classes=30):
        names = [f"class {k}" for k in range(classes)]
        confusion = rng.integers(1, 9, (classes, classes))
        confusion[3] = 0  # no held-out example
        counts = np.arange(classes, 0, -1)
        return Trial(run.history, Evaluation(names, counts, confusion))

    run.report(tmp_path / "r.html", {"plain": [trial(), trial()], "recipe": [trial(), trial()]})
    page = (tmp_path / "r.html").read_text()
    assert page.count("<img") == 5 and "± " in page and "over 2 seeds" in page


def trial(*recalls):
    """One in which a tenth times so many of each of two classes are recognised."""
    first, second = recalls
    confusion = np.array([[first, 10 - first], [10 - second, second]])
    return Trial({}, Evaluation(("a", "b"), np.array([9, 1]), confusion))


@once
def test_says_where_it_does_not_help():
    said = where_it_does_not_help(
        {"plain": [trial(9, 2), trial(9, 4)], "recipe": [trial(8, 7)] * 2}
    )
    assert said == (
        "Where it does not help: recipe has balanced accuracy 75.0 %; against plain (60.0 %) "
        "+15.0 points ± 7.1 over 2 seeds (ahead with 2 of them), lower recall on a (−10.0)."
    )
    assert where_it_does_not_help({"recipe": [trial(8, 7)]}) == ""


@once
def test_the_deviation_is_that_of_a_sample():
    rows = class_rows({"plain": [trial(9, 2), trial(9, 4)]})
    assert rows == [
        ["recall of a", "9", "10", "90.0 ± 0.0 (60–98)"],
        ["recall of b", "1", "10", "30.0 ± 14.1 (11–60)"],
    ]


@once
def test_an_absent_class_is_left_out_of_the_mean():
    found = Evaluation("abc", np.ones(3), np.array([[3, 1, 0], [0, 1, 1], [0, 0, 0]]))
    assert found.balanced_accuracy == (3 / 4 + 1 / 2) / 2


@once
def test_a_bin_counts_by_its_examples():
    sure = np.array([[0.7, 0.3], [0.1, 0.9], [0.05, 0.95]])
    found = calibration(binned(np.array([0, 1, 0]), sure, logits=False))
    # of 0.7 one is right; of 0.9 and 0.95 one of two
    assert found.error == pytest.approx((0.3 + 2 * (0.925 - 0.5)) / 3)


@once
def test_nothing_of_an_older_run_is_in_a_new_one(tmp_path, run):
    """What is not of a run stays, links as links."""
    folder = tmp_path / "run"
    run.save(folder)
    assert {path.name for path in folder.iterdir()} <= RUN_FILES
    (folder / "mine.txt").write_text("mine")
    (folder / "report.html").write_text("of the older run")
    (folder / "data").symlink_to("/nowhere")
    Run(run.model, run.history, None, run.recipe).save(folder)
    names = {path.name for path in folder.iterdir()}
    assert names == {"mine.txt", "data", "model.keras"} | {
        f"{name}.json" for name in ("recipe", "history", "reasons")
    }
    assert (folder / "data").is_symlink() and Run.load(folder).evaluation is None
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@once
def test_a_run_that_cannot_be_saved_leaves_the_older_one(tmp_path, run, monkeypatch):
    folder = tmp_path / "run"
    run.save(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Recipe, "to_json", full)
    with pytest.raises(OSError, match="No space"):
        run.save(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@once
def test_the_old_folder_of_a_process_killed_while_replacing_it_comes_back(tmp_path):
    left = tmp_path / ".part-4194305-run" / "old"
    left.mkdir(parents=True)
    (left / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError), staged(tmp_path / "run"):
        pass
    assert (tmp_path / "run" / "mine.txt").exists() and len(list(tmp_path.iterdir())) == 1
