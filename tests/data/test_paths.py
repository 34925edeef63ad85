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
    monkeypatch.setattr("kerasnorm.problems._folder_problem.WIDTHS", (4,))
    options = ["--seed", "3", "--image-size", "16", "--transfer", "scratch"]
    assert main(["fit", str(path), "--out", str(tmp_path / "run"), *options]) == 2
    found = read_paths(SHAPE, str(path), seed=3)
    assert sizes(found) == SIZES[form][0] == sizes(seen)
    for ours, theirs in zip(found, seen, strict=True):
        assert ours.paths.tolist() == theirs.paths.tolist()
        assert ours.labels.tolist() == theirs.labels.tolist()
        assert ours.class_names == theirs.class_names == tuple(COUNTS)
        (x, y), (x_seen, y_seen) = (next(each_batch(read_batches("x", each, model(), 32)))
                                    for each in (ours, theirs))  # fmt: skip
        np.testing.assert_array_equal(x, x_seen)
        np.testing.assert_array_equal(y, y_seen)
    whole = read_paths(SHAPE, path, hold_out=False)
    assert sizes(whole)[:2] == SIZES[form][1]


@pytest.mark.parametrize("form", ["table", "parts"])
@pytest.mark.filterwarnings("ignore:`validation` has no example of class 'dog'")
def test_doors(form, tmp_path):
    """Fits, advises, fine-tunes and counts alike; names of the classes are kept."""
    path = FORMS[form](tmp_path)
    settings = {"epochs": 1, "seed": 3, "verbose": 0, "jit_compile": False}
    parts = read_paths(SHAPE, path, seed=3)
    run = fit(Recipe(transfer="freeze"), model(), path, **settings)
    explicit = dict(zip(("train", "validation", "test"), parts, strict=True))
    expected = fit(Recipe(transfer="freeze"), model(), **explicit, **settings)
    np.testing.assert_array_equal(run.evaluation.confusion, expected.evaluation.confusion)
    assert run.evaluation.confusion.sum() == parts[2].size and run.class_names == tuple(COUNTS)
    says = [advise(model(), data, seed=3) for data in (str(path), parts[0])]
    assert says[0].recipe == says[1].recipe and says[0].reasons[-1] == says[1].reasons[-1]
    whole = read_paths(SHAPE, path, hold_out=False)
    tuned = [
        fine_tune(model(), *data, strategy="freeze", **settings).history
        for data in ((path,), whole[:2])
    ]
    assert tuned[0] == tuned[1] and ("val_loss" in tuned[0]) == (form == "parts")
    assert sum(count_classes(path).counts) == (22 if form == "table" else 21)


def test_a_run_without_an_evaluation_keeps_the_names(tmp_path):
    files = ImageFolder(classes(tmp_path), 16)
    run = fit(Recipe(transfer="freeze"), model(), files, epochs=1, seed=0, verbose=0)
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


def test_scenes(tmp_path):
    images = keras.Input((16, 16, 3))
    maps = keras.Model(images, layers.Conv2D(2, 1)(layers.Rescaling(1 / 255)(images)))
    settings = {"epochs": 1, "seed": 3, "verbose": 0, "jit_compile": False}
    run = fit(Recipe(), maps, scenes(tmp_path), **settings)
    assert run.class_names == ("ground", "road")
    assert sizes(read_paths(SHAPE, tmp_path / "scenes", seed=3)) == [7, 1, 2]


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
    tuned = fine_tune(net, named(form), strategy="freeze", epochs=0, head_epochs=1, verbose=0)
    assert tuned.model.output_shape == (None, 3)
