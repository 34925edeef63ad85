"""What each command reads of folders and tables, and says that it has read."""

import json
import shutil

import numpy as np
import pytest
from backends import once
from cli.image_folders import write_images
from PIL import Image

from kerasnorm.cli import main
from kerasnorm.imbalance import count_classes
from kerasnorm.recipe import Evaluation, Recipe, Run

pytest.importorskip("matplotlib")
pytestmark = [once, pytest.mark.usefixtures("without_tracing")]

COUNTS = {"cat": 9, "dog": 7, "owl": 6}
READ = "22 images of 3 classes (cat 9, dog 7, owl 6); "
DRAWN = "train 15, validation 3, test 4; images of 20×23"
OWN = "train 14, validation 4, test 4; images of 20×23"


def folder(at):
    write_images(at / "data", COUNTS)


def in_parts(at, names=("train", "val", "test")):
    """Takes every 2 of 5 images out of training."""
    folder(at)
    for index, path in enumerate(sorted((at / "data").rglob("*.png"))):
        part = names[(0, 0, 0, 1, 2)[index % 5]]
        moved = at / "data" / part / path.parent.name / path.name
        moved.parent.mkdir(parents=True, exist_ok=True)
        path.rename(moved)
    for name in COUNTS:
        (at / "data" / name).rmdir()


def table(at, header="path,label,split", parts=("train", "val", "test"), separator=","):
    write_images(at / "images", COUNTS)
    rows = [header]
    for index, path in enumerate(sorted((at / "images").rglob("*.png"))):
        fields = (path.relative_to(at), path.parent.name, parts[(0, 0, 0, 1, 2)[index % 5]])
        rows.append(",".join(map(str, fields)))
    (at / "data.csv").write_text("\n".join(rows).replace(",", separator))


def hidden(at):
    folder(at)
    (at / "data" / "cat" / "._0.png").write_bytes(b"of macOS")
    (at / "data" / "__MACOSX").mkdir()
    shutil.copytree(at / "data" / "cat", at / "data" / ".cat")


def other_suffixes(at):
    folder(at)
    for name in ("cat/a.heic", "cat/b.HEIC", "dog/c.txt", "notes.png"):
        (at / "data" / name).write_bytes(b"")


def other_formats(at):
    """Half of the images are WebP and TIFF, and one lies on its side by its EXIF."""
    folder(at)
    for index, path in enumerate(sorted((at / "data").rglob("*.png"))):
        if index % 2:
            exif = Image.Exif()
            exif[0x0112] = 6
            suffix = (".webp", ".tiff")[index % 4 // 2]
            Image.open(path).save(path.with_suffix(suffix), exif=exif)
            path.unlink()


def unreadable(at):
    folder(at)
    (at / "data" / "cat" / "bad.jpg").write_bytes(b"\xff\xd8\xff no image")


def equal_in_classes(at):
    folder(at)
    shutil.copy(at / "data/cat/0.png", at / "data/dog/0.png")


def equal_in_parts(at):
    in_parts(at)
    test = next((at / "data/test/cat").iterdir())
    shutil.copy(next((at / "data/train/cat").iterdir()), test)


NAMED = ["--path-column", "file", "--label-column", "kind", "--split-column", "part"]
FORMS = {  # what is written; where; options; what is said on stdout; and on stderr
    "classes": (folder, "data", [], READ + DRAWN, ""),
    "shares": (folder, "data", ["--test-split", "0"], READ + "train 19, validation 3;", ""),
    "parts": (in_parts, "data", [], READ + OWN, ""),
    "other names of parts": (
        lambda at: in_parts(at, ("Training", "valid", "testing")),
        *("data", [], READ + OWN, ""),
    ),
    "table": (lambda at: table(at, "path,label,_"), "data.csv", [], READ + DRAWN, ""),
    "split": (table, "data.csv", [], READ + OWN, ""),
    "named columns": (
        lambda at: table(at, "file,kind,part", separator=";"),
        *("data.csv", NAMED, READ + OWN, ""),
    ),
    "groups": (
        lambda at: table(at, "path,label,group", ("a", "b", "c")),
        *("data.csv", [], "22 images of 3 classes", ""),
    ),
    "kept": (folder, "data", ["--kept-in", "kept"], READ + DRAWN, ""),
    "hidden": (hidden, "data", [], READ + DRAWN, ""),
    "suffixes": (
        other_suffixes,
        *("data", [], READ + DRAWN + "; skipped 2 .heic, 1 .txt, 1 images in no", ""),
    ),
    "formats": (other_formats, "data", [], READ + DRAWN, ""),
    "unreadable": (unreadable, "data", [], READ + DRAWN, "skipped 1 unreadable image: '"),
    "equal in classes": (
        equal_in_classes,
        *("data", [], READ + "train", "1 image is in different classes: "),
    ),
    "equal in parts": (
        equal_in_parts,
        *("data", [], READ + OWN, "1 image is in different parts: "),
    ),
}
COMMANDS = {
    "advise": [],
    "fit": ["--out", "run"],
    "tune": ["--out", "run", "--trials", "1"],
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("form", FORMS)
def test_each_command_first_says_what_it_read(form, command, tmp_path, monkeypatch, capsys):
    write, data, options, said, doubts = FORMS[form]
    write(tmp_path)
    monkeypatch.chdir(tmp_path)

    def stop(*arguments, **settings):  # what comes after reading is of no interest here
        raise ValueError("enough")

    module = {"fit": "_recipe"}.get(command, f"_{command}")
    monkeypatch.setattr(f"kerasnorm.cli.running.{module}.advice_for", stop)
    size = ["--image-size", "16"]
    assert main([command, data, *size, *options, *COMMANDS[command]]) == 2
    printed = capsys.readouterr()
    assert printed.out.splitlines()[0].startswith(f"read {data}: {said}")
    errors = [line for line in printed.err.splitlines() if line.startswith("kerasnorm: ")]
    assert errors.pop() == "kerasnorm: error: enough"
    assert [line.startswith(f"kerasnorm: {doubts}") for line in errors] == [True] * bool(doubts)
    assert len(list(tmp_path.glob("kept/*"))) == (form == "kept")
    if not options and form != "unreadable":
        assert sum(count_classes(data).counts) == 22


REFUSED = [
    (folder, ["data", "--path-column", "file"], "'--path-column' are for a .csv file"),
    (in_parts, ["data", "--test-split", "0.2"], "leave out --test-split"),
    (in_parts, ["data", "--folds", "3"], "leave out --folds"),
    (folder, ["data", "--folds", "1"], "`--folds`"),
    (folder, ["data", "--folds", "7"], "'owl' has too few images, 6: 7 are needed"),
    (folder, ["data", "--folds", "3", "--seeds", "2"], "--folds replaces --seeds"),
    (folder, ["digits", "--folds", "3"], "--folds are for images with a class each"),
    (folder, ["digits", "--group-column", "who"], "leave out '--group-column'"),
    (table, ["data.csv", "--label-column", "kind"], "'path', 'kind'. Received: path, label, split"),
    (table, ["data.csv", "--group-column", "who"], "'path', 'label', 'who'. Received: path"),
    (table, ["data.csv", "--separator", "||"], "one character"),
    (lambda at: table(at, parts=("a", "b", "c")), ["data.csv"], "train, val or test"),
    (
        lambda at: table(at, "path,label,group", ("a", "a", "a")),
        ["data.csv"],
        "'cat' has too few groups, 1: 3 are needed",
    ),
    (unreadable, ["data", "--strict"], "1 unreadable image: 'data/cat/bad.jpg'"),
]


@pytest.mark.parametrize(("write", "arguments", "said"), REFUSED)
def test_refused(write, arguments, said, tmp_path, monkeypatch, capsys):
    write(tmp_path)
    monkeypatch.chdir(tmp_path)
    size = [] if arguments[0] == "digits" else ["--image-size", "16"]
    assert main(["fit", *arguments, "--out", "run", "--epochs", "1", *size]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("kerasnorm: error: ") and said in lines[-1]
    assert not (tmp_path / "run").exists()


def right_without_training(way, model, train, validation, *arguments, test, classes, **settings):
    """What `fit` returns of a model that says of each test image what it is."""
    outputs = iter([(test.labels, np.eye(len(classes))[test.labels])])
    counts = np.bincount(train.labels)
    evaluation = Evaluation.of(classes, counts, outputs, True)
    return Run(model, {"loss": [1.0]}, evaluation, Recipe(), evaluation)


@pytest.mark.usefixtures("without_report")
def test_folds_and_what_the_model_then_says_of_a_folder(tmp_path, monkeypatch, capsys):
    """Each image is in one test; the mean and the spread are over the folds."""
    monkeypatch.setattr("kerasnorm.problems._compare.fit", right_without_training)
    folder(tmp_path)
    monkeypatch.chdir(tmp_path)
    arguments = ["data", "--out", "run", "--epochs", "1", "--image-size", "16", "--folds", "3"]
    assert main(["fit", *arguments]) == 0
    assert "mean ± deviation over 3 folds" in " ".join(capsys.readouterr().out.split())
    comparison = json.loads((tmp_path / "run/comparison.json").read_text())
    tests = np.array([np.sum(trial["confusion"], axis=1) for trial in comparison["recipe"]])
    assert tests.sum(axis=0).tolist() == [9, 7, 6] and len(tests) == 3

    unreadable(tmp_path)
    other_suffixes(tmp_path)
    (tmp_path / "data/cat/._0.png").write_bytes(b"of macOS")
    assert main(["predict", "run", "data/cat"]) == 0
    printed = capsys.readouterr()
    first, _, *rows = printed.out.splitlines()
    assert first == "read 9 images, images of 20×23; skipped 2 .heic" and len(rows) == 9
    assert printed.err.startswith("kerasnorm: skipped 1 unreadable image: 'data/cat/bad.jpg'")
    assert main(["predict", "run", "data/cat", "--strict"]) == 2
    assert "error: 1 unreadable image: 'data/cat/bad.jpg'" in capsys.readouterr().err
