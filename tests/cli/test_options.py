"""What a training says of itself, the file of its options, and what comes after it."""

import csv
import io
import json
import re

import keras
import numpy as np
import pytest
from backends import once
from cli.image_folders import COUNTS, write_images
from rich.console import Console

from kerasnorm.cli import main
from kerasnorm.cli.running._progress import Trainings
from kerasnorm.problems._backbone import small_convnet
from kerasnorm.recipe import Evaluation, Recipe, Run
from kerasnorm.recipe.results import Trial

pytest.importorskip("matplotlib")
pytestmark = [once, pytest.mark.usefixtures("without_tracing", "without_report")]
NAMES = ("[red]cat", "dog, 犬", "$owl$")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("data") / "photos")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A run whose classes are those of the photos under other names."""
    keras.utils.set_random_seed(0)
    folder = tmp_path_factory.mktemp("saved") / "run"
    model = small_convnet((16, 16, 3), 3, widths=(4,))
    Run(model, {}, Evaluation(NAMES, np.array([4, 2, 1]), np.eye(3)), Recipe()).save(folder)
    return folder


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_file_of_options_and_what_a_run_says_of_itself(photos, tmp_path, capsys):
    names = tmp_path / "names.txt"
    names.write_text("\n".join(NAMES), encoding="utf-8")
    config = tmp_path / "run.toml"
    config.write_text(
        f"data = '{photos}'\nimage-size = 16\nepochs = 9\npatience = 1\nlearning_rate = 0.5\n"
        f"class-names = '{names}'\naugmentation = 'flip'\nstrict = false\n"
        "mixed-precision = 'bfloat16'\n"
    )
    out = tmp_path / "run"
    assert main(["fit", "--config", str(config), "--out", str(out), "--epochs", "2"]) == 0
    printed = capsys.readouterr()
    lines = [line for line in printed.out.splitlines() if "epoch" in line and "seed 0" in line]
    figures = r"loss \S+, validation loss \S+, balanced accuracy \d+\.\d %, \d:\d\d left"
    assert re.fullmatch(f"seed 0, recipe: epoch 1/2, {figures}", lines[0])
    assert all(name in printed.out for name in NAMES)
    recipe = Recipe.from_json((out / "recipe.json").read_text())
    assert (recipe.augmentation, recipe.patience) == ("flip", 1)
    assert recipe.mixed_precision == "bfloat16"
    assert recipe.optimizer_settings["learning_rate"] == 0.5
    about = json.loads((out / "about.json").read_text(encoding="utf-8"))
    assert about["command"].startswith("kerasnorm fit --config ") and about["seeds"] == [0]
    assert about["versions"]["keras"] == keras.__version__ and "13 images" in about["read"]
    assert tuple((out / "labels.txt").read_text(encoding="utf-8").splitlines()) == NAMES
    images = rows_of(out / "images.csv")
    assert len(images) == sum(COUNTS.values()) and {row["class"] for row in images} == {*NAMES}
    test = [row for row in images if row["part"] == "test"]
    found = rows_of(out / "predictions.csv")
    assert [(row["path"], row["class"]) for row in found] == [
        (row["path"], row["class"]) for row in test
    ]
    confusion = np.array(json.loads((out / "evaluation.json").read_text())["confusion"])
    right = sum(row["class"] == row["predicted"] for row in found)
    assert right == np.trace(confusion) and all(0 < float(row["probability"]) <= 1 for row in found)
    renamed = write_images(tmp_path / "renamed", dict(zip(NAMES, COUNTS.values(), strict=True)))
    for index, image in enumerate(sorted(renamed.rglob("*.png"))):
        with (out / "images.csv").open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow([image, "", "test" if index else "train"])
    assert main(["evaluate", str(out), str(renamed)]) == 0
    said = "kerasnorm: 1 of these 13 images were in the model's training or validation"
    assert said in capsys.readouterr().err


def test_what_was_interrupted_resumes_with_seeds(photos, tmp_path, capsys, monkeypatch):
    """The first training is over, the second has begun: only that goes on."""
    arguments = ["fit", str(photos), "--image-size", "16", "--epochs", "2", "--seeds", "2"]
    arguments += ["--backup", str(tmp_path / "backup"), "--out", str(tmp_path / "run")]
    told = Trainings.on_epoch

    def interrupt(self, name, seed, epoch, *more):
        told(self, name, seed, epoch, *more)
        if (seed, epoch) == (1, 2):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Trainings, "on_epoch", interrupt)
        assert main(arguments) == 130
    capsys.readouterr()
    assert not (tmp_path / "run").exists() and len(list((tmp_path / "backup").iterdir())) >= 2
    assert main(arguments) == 0
    epochs = re.findall(r"seed (\d), recipe: epoch (\d)/2", capsys.readouterr().out)
    assert epochs == [("1", "2")]
    assert (tmp_path / "run").exists() and not (tmp_path / "backup").exists()


def test_predictions_go_to_a_table(photos, saved, tmp_path, capsys):
    """A model's file alone does, with its labels beside it."""
    out = tmp_path / "found.csv"
    assert main(["predict", str(saved), str(photos / "cat"), "--out", str(out)]) == 0
    assert f"The classes of 6 images are in {out}" in capsys.readouterr().out
    rows = rows_of(out)
    assert list(rows[0]) == ["path", "class", "probability", *(f"p({name})" for name in NAMES)]
    for row in rows:
        assert float(row["probability"]) == float(row[f"p({row['class']})"])
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "model.keras").write_bytes((saved / "model.keras").read_bytes())
    (alone / "labels.txt").write_text("\n".join(NAMES), encoding="utf-8")
    command = ["predict", str(alone / "model.keras"), str(photos / "cat"), "--out"]
    assert main([*command, str(tmp_path / "again.csv")]) == 0
    assert (tmp_path / "again.csv").read_bytes() == out.read_bytes()
    assert main([*command, str(out)]) == 2
    assert "exists" in capsys.readouterr().err
    (alone / "labels.txt").write_text("one\ntwo\n")
    assert main(["predict", str(alone / "model.keras"), str(photos / "cat")]) == 2
    assert "should name the 3 classes of the model" in capsys.readouterr().err


def test_evaluates_on_other_images(saved, tmp_path, capsys):
    pictures = write_images(tmp_path / "photos", dict(zip(NAMES, COUNTS.values(), strict=True)))
    out = tmp_path / "found.csv"
    arguments = ["evaluate", str(saved), str(pictures), "--out", str(out)]
    assert main(arguments) == 0
    printed = capsys.readouterr()
    assert all(name in printed.out for name in NAMES) and "read 13 images" in printed.out
    assert printed.err == ""
    assert main(["evaluate", str(saved), str(pictures), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert np.sum(found["confusion"], axis=1).tolist() == [6, 4, 3]  # by name, not by order
    rows = rows_of(out)
    assert sum(row["class"] == row["predicted"] for row in rows) == np.trace(found["confusion"])


def test_a_gpu_that_is_not_there(photos, tmp_path, capsys):
    if keras.distribution.list_devices("gpu"):
        pytest.skip("there is one")
    arguments = ["fit", str(photos), "--out", str(tmp_path / "run"), "--device", "gpu"]
    assert main(arguments) == 2
    assert "There is no GPU that tensorflow " in capsys.readouterr().err


def test_who_has_enough_closes_the_pipe(photos, saved, monkeypatch, tmp_path):
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

        def fileno(self):
            return file.fileno()

    with (tmp_path / "out").open("w") as file:
        monkeypatch.setattr("sys.stdout", Closed())
        assert main(["predict", str(saved), str(photos / "cat")]) == 141


def test_evaluates_on_a_part_and_refuses_other_classes(photos, saved, tmp_path, capsys):
    assert main(["evaluate", str(saved), str(photos)]) == 2
    assert "'cat', 'dog', 'owl', which the model does not know" in capsys.readouterr().err
    parts = tmp_path / "parts"
    for part, count in [("train", 2), ("test", 1)]:
        write_images(parts / part, dict.fromkeys(NAMES, count))
    for more, count in [([], 3), (["--part", "train"], 6)]:
        assert main(["evaluate", str(saved), str(parts), "--json", *more]) == 0
        assert np.sum(json.loads(capsys.readouterr().out)["confusion"]) == count
    assert main(["evaluate", str(saved), str(parts), "--part", "validation"]) == 2
    assert "has no part 'validation'" in capsys.readouterr().err


def test_a_terminal_has_a_bar_that_patience_shortens():
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    trial = Trial({}, Evaluation(("a", "b"), np.array([1, 1]), np.eye(2)))
    with Trainings(console, trainings=2, epochs=10) as told:
        told.on_epoch("[bold]", 0, 1, 10, {"loss": 0.5, "val_mean_iou": 0.25})
        told._bar.refresh()
        told.on_trial("[bold]", 0, trial)
        assert told._bar.tasks[0].completed == 10
    printed = console.file.getvalue()
    assert "seed 0, [bold]: epoch 1/10, loss 0.5, mean IoU 25.0 %" in printed
    assert "seed 0, [bold]: balanced accuracy 100.0 %" in printed
