"""A path of images at every door of Python: the same examples as at the command's."""

import json
import shutil

import keras
import numpy as np
import pytest
from backends import once
from cli.image_folders import write_images
from keras import layers
from PIL import Image

from kerasnorm import fit
from kerasnorm.cli import main
from kerasnorm.data import each_batch, numbered, read_batches
from kerasnorm.data.splitting import read_paths
from kerasnorm.imbalance import ImageFolder, count_classes
from kerasnorm.problems import FolderProblem
from kerasnorm.recipe import Recipe, Run, advise
from kerasnorm.transfer import fine_tune

pytestmark = [once, pytest.mark.usefixtures("without_tracing")]

COUNTS = {"cat": 9, "dog": 7, "owl": 6}
SHAPE = (None, 16, 16, 3)


def model(size=16):
    keras.utils.set_random_seed(0)
    images = keras.Input((size, size, 3))
    x = layers.GlobalAveragePooling2D()(layers.Rescaling(1 / 255)(images))
    return keras.Model(images, layers.Dense(3, name="head")(x))


def classes(at):
    return write_images(at / "data", COUNTS)


def table(at):
    write_images(at / "images", COUNTS)
    paths = sorted((at / "images").rglob("*.png"))
    rows = [f"{path.relative_to(at)},{path.parent.name}" for path in paths]
    (at / "data.csv").write_text("\n".join(["path,label", *rows]))
    return at / "data.csv"


def in_parts(at):
    """The second class is not in the validation."""
    folder = classes(at)
    for index, path in enumerate(sorted(folder.rglob("*.png"))):
        part = ("train", "train", "train", "val", "test")[index % 5]
        if (part, path.parent.name) != ("val", "dog"):
            moved = folder / part / path.parent.name / path.name
            moved.parent.mkdir(parents=True, exist_ok=True)
            path.rename(moved)
    for name in COUNTS:
        shutil.rmtree(folder / name)
    return folder


def unreadable(at):
    folder = classes(at)
    (folder / "cat" / "bad.jpg").write_bytes(b"\xff\xd8\xff no image")
    return folder


FORMS = {"classes": classes, "table": table, "parts": in_parts, "unreadable": unreadable}
SIZES = {  # of training, validation and test, and of what fine_tune has
    "classes": ([15, 3, 4], [22, None]),
    "table": ([15, 3, 4], [22, None]),
    "parts": ([14, 3, 4], [14, 3]),
    "unreadable": ([15, 3, 4], [22, None]),
}


def sizes(parts):
    return [None if part is None else part.size for part in parts]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.filterwarnings("ignore:.*unreadable")
def test_the_parts_of_a_path_are_those_of_the_command(form, tmp_path, monkeypatch):
    path, seen = FORMS[form](tmp_path), []

    def stop(recipe, start, train, validation, *arguments, **settings):
        seen.extend((train, validation, settings["test"]))
        raise ValueError("enough")

    monkeypatch.setattr("kerasnorm.problems._compare.fit", stop)
    monkeypatch.setattr("kerasnorm.cli.running._fit.chosen_way", lambda *arguments: Recipe())
    monkeypatch.setattr(FolderProblem, "model", lambda *arguments: None)
    options = ["--seed", "3", "--image-size", "16"]
    assert main(["fit", str(path), "--out", str(tmp_path / "run"), *options]) == 2
    found = read_paths(SHAPE, str(path), seed=3)
    assert sizes(found) == SIZES[form][0] == sizes(seen)
    for ours, theirs in zip(found, seen, strict=True):
        assert ours.paths.tolist() == theirs.paths.tolist()
        assert ours.labels.tolist() == theirs.labels.tolist()
        assert ours.class_names == theirs.class_names == tuple(COUNTS)
        rows = np.arange(ours.size)
        np.testing.assert_array_equal(ours.gatherer()(rows)[0], theirs.gatherer()(rows)[0])
    whole = read_paths(SHAPE, path, hold_out=False)
    assert sizes(whole)[:2] == SIZES[form][1]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.filterwarnings("ignore:.*unreadable")
def test_doors(form, tmp_path, monkeypatch):
    path, seen = FORMS[form](tmp_path), []

    def stop(*arguments, **settings):  # what comes after reading is of no interest here
        seen.append(arguments[1].paths.tolist())
        raise ValueError("enough")

    for module in ("recipe.fitting._parts.read_examples", "recipe.advising._advise.read_examples"):
        monkeypatch.setattr(f"kerasnorm.{module}", stop)
    monkeypatch.setattr("kerasnorm.transfer.fine_tuning._fine_tune.read_batches", stop)
    for door in (
        lambda: fit(Recipe(), model(), path, seed=3),
        lambda: advise(model(), str(path), seed=3),
        lambda: fine_tune(model(), path, seed=3),
    ):
        with pytest.raises(ValueError, match="enough"):
            door()
    drawn, whole = (read_paths(SHAPE, path, seed=3, hold_out=each)[0] for each in (True, False))
    assert seen == [drawn.paths.tolist(), drawn.paths.tolist(), whole.paths.tolist()]
    assert sum(count_classes(path).counts) == 21 + (form in ("classes", "table", "unreadable")) + (
        form == "unreadable"
    )


@pytest.mark.filterwarnings("ignore:`validation` has no example of class 'dog'")
def test_fit_of_a_path(tmp_path):
    """The names of the classes are kept, and the parts are validation and test."""
    settings = {"epochs": 1, "seed": 3, "verbose": 0, "jit_compile": False}
    run = fit(Recipe(transfer="scratch"), model(), in_parts(tmp_path), **settings)
    assert run.class_names == tuple(COUNTS) and run.evaluation.confusion.sum() == 4
    assert "val_loss" in run.history


def test_a_run_without_an_evaluation_keeps_the_names(tmp_path):
    files = ImageFolder(classes(tmp_path), 16)
    settings = {"epochs": 1, "seed": 0, "verbose": 0, "jit_compile": False}
    run = fit(Recipe(transfer="svm"), model(), files, **settings)
    run.save(tmp_path / "run")
    assert json.loads((tmp_path / "run/class_names.json").read_text()) == list(COUNTS)
    assert run.evaluation is None and Run.load(tmp_path / "run").class_names == tuple(COUNTS)


def test_classes_have_the_numbers_of_training(tmp_path):
    """Also where a part lacks one, and counted by itself has other numbers."""
    folder = in_parts(tmp_path)
    train, validation, _ = read_paths(SHAPE, folder / "train", folder / "val", folder / "test")
    assert validation.class_names == train.class_names and set(validation.labels) == {0, 2}
    by_hand = [ImageFolder(folder / part, 16) for part in ("train", "val")]
    assert set(by_hand[1].labels) == {0, 1}
    assert set(read_paths(SHAPE, *by_hand)[1].labels) == {0, 2}
    shutil.copytree(folder / "val/owl", folder / "val/elk")
    with pytest.raises(ValueError, match="`validation` has the classes 'elk', which `train` has"):
        read_paths(SHAPE, folder / "train", folder / "val")


def scenes(at):
    rng = np.random.default_rng(0)
    for index in range(10):
        for name, pixels in (("images", rng.integers(0, 255, (16, 16, 3))), ("masks", None)):
            pixels = rng.integers(0, 2, (16, 16)) if pixels is None else pixels
            (at / "scenes" / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.astype("uint8")).save(at / "scenes" / name / f"{index}.png")
    (at / "scenes/classes.txt").write_text("ground\nroad\n")
    return at / "scenes"


def test_scenes(tmp_path, monkeypatch):
    def stop(recipe, model, parts, names, *arguments, **settings):
        assert [part.size for _, part in parts.given()] == [7, 1, 2]
        raise ValueError(str(names))

    monkeypatch.setattr("kerasnorm.recipe.fitting._fit._train", stop)
    images = keras.Input((16, 16, 3))
    maps = keras.Model(images, layers.Conv2D(2, 1)(layers.Rescaling(1 / 255)(images)))
    with pytest.raises(ValueError, match=r"\('ground', 'road'\)"):
        fit(Recipe(), maps, scenes(tmp_path), seed=3)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda path: read_paths(SHAPE, path / "none"), "There is no folder"),
        (lambda path: read_paths((None, 16, 8, 3), path), r"`train` is a path.*\(None, 16, 8, 3\)"),
        (lambda path: read_paths((None, 4), path, name="data"), "`data` is a path of images"),
        (lambda path: read_paths(SHAPE, path, path / "test"), "part for validation of their own"),
        (lambda path: read_paths(SHAPE, path, None, path / "val"), "part for test of their own"),
    ],
)
def test_refused(call, said, tmp_path):
    with pytest.raises((ValueError, OSError), match=said):
        call(in_parts(tmp_path))


def test_what_is_left_out_or_doubtful_is_said(tmp_path):
    folder = unreadable(tmp_path)
    shutil.copy(folder / "cat/0.png", folder / "dog/0.png")
    with pytest.warns(UserWarning) as warned:
        read_paths(SHAPE, folder)
    first, second = (str(each.message) for each in warned)
    assert first.startswith("`train`: skipped 1 unreadable image: '") and "bad.jpg" in first
    assert second.startswith("`train`: 1 image is in different classes: ")


def named(form):
    import tensorflow as tf

    x, y = np.zeros((4, 2), "float32"), ["owl", "cat", "owl", "elk"]
    dataset = tf.data.Dataset.from_tensor_slices((x, y))
    return {
        "lists": (x.tolist(), y),
        "objects": (x, np.array(y, object)),
        "column": (x, np.array(y)[:, None]),
        "single": dataset,
        "batches": dataset.batch(3),
        "list of batches": [(x, np.array(y))],
    }[form]


@pytest.mark.parametrize(
    "form", ["lists", "objects", "column", "single", "batches", "list of batches"]
)
def test_names_are_numbered(form):
    """As `fit` does, in alphabetical order."""
    net = keras.Sequential([keras.Input((2,)), layers.Dense(3)])
    data, names = numbered("train", named(form))
    found = [y for _, y in each_batch(read_batches("train", data, net, 4))]
    assert np.concatenate(found).tolist() == [2, 0, 2, 1] and names == ("cat", "elk", "owl")
    with pytest.raises(ValueError, match="Label 'elk' of `validation` is none of the classes"):
        numbered("validation", named(form), ("cat", "owl"))
    with pytest.raises(ValueError, match="labels of `validation` should be numbers, as those of"):
        numbered("validation", named(form), ())
