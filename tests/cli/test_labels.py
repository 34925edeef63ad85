"""Several labels, one output for two classes, and contours from the command line."""

import json

import keras
import numpy as np
import pytest
from backends import once
from cli.image_folders import write_images

from kerasnorm.cli import main
from kerasnorm.imbalance import ImageTable, SegmentationFolder
from kerasnorm.recipe import BinaryEvaluation, ContourEvaluation, LabelsEvaluation, Run

pytest.importorskip("matplotlib")
pytestmark = [once, pytest.mark.usefixtures("without_tracing")]
SIZE = 16


def pictures(folder, count=18):
    """Pictures with red, blue, both or neither."""
    rng = np.random.default_rng(0)
    rows = np.stack([np.arange(count) % 2, np.arange(count) % 3 == 0], axis=1).astype(int)
    folder.mkdir(exist_ok=True)
    for index, (red, blue) in enumerate(rows.tolist()):
        image = rng.integers(0, 40, (SIZE, SIZE, 3))
        image[..., 0] += 200 * red
        image[..., 2] += 200 * blue
        keras.utils.save_img(folder / f"{index}.png", image.astype("uint8"), scale=False)
    return rows


def in_cells(folder):
    rows = pictures(folder)
    cells = [
        "; ".join(n for n, has in zip(("red", "blue"), row, strict=True) if has) for row in rows
    ]
    lines = ["path,label", *(f"{index}.png,{cell}" for index, cell in enumerate(cells))]
    (folder / "data.csv").write_text("\n".join(lines))
    return rows[:, ::-1]


def in_columns(folder):
    rows = pictures(folder)
    lines = ["path,red,blue", *(f"{i}.png,{red},{blue}" for i, (red, blue) in enumerate(rows))]
    (folder / "data.csv").write_text("\n".join(lines))
    return rows[:, ::-1]


FORMS = {
    "cells": (in_cells, {"label_separator": ";"}),
    "columns": (in_columns, {"label_column": "red,blue"}),
}


@pytest.mark.parametrize("form", FORMS)
def test_read(form, tmp_path):
    write, options = FORMS[form]
    rows = write(tmp_path / "data")
    table = ImageTable(tmp_path / "data" / "data.csv", SIZE, **options)
    assert table.class_names == ("blue", "red")
    np.testing.assert_array_equal(table.labels, rows)
    assert table.counts() == {"blue": 6, "red": 9}
    images, labels = table.gatherer()(np.arange(4))
    np.testing.assert_array_equal(labels, rows[:4])
    assert images.shape == (4, SIZE, SIZE, 3)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("path,label\n0.png,a;b\n", {}, "Line 2 .*several classes, 'a;b'.*--label-separator ';'"),
        ("path,label\n0.png,\n", {"label_separator": ";"}, "No image .* has a label"),
        ("path,a,b\n0.png,1,yes\n", {"label_column": "a,b"}, "0 or 1 in the column 'b'.*'yes'"),
        ("path,a,b\n0.png,1,1\n", {"label_column": "a,c"}, "should begin with a header"),
    ],
)
def test_refused(text, options, message, tmp_path):
    (tmp_path / "0.png").touch()
    (tmp_path / "data.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        ImageTable(tmp_path / "data.csv", SIZE, **options)


def test_fit_and_predict(tmp_path, capsys):
    in_cells(tmp_path / "data")
    run, data = str(tmp_path / "run"), str(tmp_path / "data" / "data.csv")
    options = ["--label-separator", ";", "--epochs", "1", "--image-size", str(SIZE)]
    assert main(["fit", data, "--out", run, *options]) == 0
    said = capsys.readouterr().out
    assert "18 images, each with any of 2 labels (red 9, blue 6)" in said
    assert "average precision of red" in said
    found = Run.load(run)
    assert isinstance(found.evaluation, LabelsEvaluation) and found.class_names == ("blue", "red")
    assert main(["predict", run, str(tmp_path / "data"), "--json"]) == 0
    first = json.loads(capsys.readouterr().out)[0]
    assert first.keys() == {"path", "labels", "probabilities"}
    assert (np.array([*first["probabilities"].values()]) <= 1).all()


def test_a_model_of_one_sigmoid(tmp_path, capsys):
    """It stays one; a folder of two classes would have got two outputs without it."""
    write_images(tmp_path / "data", {"cat": 6, "dog": 5}, SIZE)
    images = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(images))
    keras.Model(images, keras.layers.Dense(1, "sigmoid")(x)).save(tmp_path / "one.keras")
    run, data = str(tmp_path / "run"), str(tmp_path / "data")
    options = ["--model", str(tmp_path / "one.keras"), "--epochs", "1", "--transfer", "freeze"]
    assert main(["fit", data, "--out", run, *options]) == 0
    found = Run.load(run)
    assert isinstance(found.evaluation, BinaryEvaluation) and found.class_names == ("cat", "dog")
    assert found.model.output_shape == (None, 1)
    capsys.readouterr()
    assert main(["predict", run, data, "--json"]) == 0
    first = json.loads(capsys.readouterr().out)[0]
    assert sum(first["probabilities"].values()) == pytest.approx(1, abs=1e-5)


def drawings(folder, count=8, size=32):
    """Pictures of a square, and its outline, 0 and 255."""
    for name in ("images", "edges"):
        (folder / name).mkdir(parents=True)
    for index in range(count):
        image = np.full((size, size, 3), 40, "uint8")
        outline = np.zeros((size, size, 1), "uint8")
        low, high = 4 + index, 24 + index % 4
        image[low:high, low:high] = 200
        outline[[low, high - 1], low:high] = outline[low:high, [low, high - 1]] = 255
        keras.utils.save_img(folder / "images" / f"{index}.png", image, scale=False)
        keras.utils.save_img(folder / "edges" / f"{index}.png", outline, scale=False)


def test_edges_stay_whole_in_smaller_pictures(tmp_path):
    drawings(tmp_path)
    for size in (12, 32, 40):
        scenes = SegmentationFolder(tmp_path, size, masks="edges", contours=True)
        assert scenes.labels.tolist() == [[True, True]] * 8
        _, maps = scenes.gatherer()(np.arange(8))
        for contours in np.asarray(maps):  # the outline of a square: its inside is apart
            assert set(np.unique(contours)) == {0, 1}
            at = np.argwhere(contours)
            low, high = at.min(0), at.max(0)
            for line in (contours[low[0]], contours[high[0]]):
                assert line[low[1] : high[1] + 1].all()
    with pytest.raises(ValueError, match=r"outside the classes|divided by 255"):
        _ = SegmentationFolder(tmp_path, 32, masks="edges").labels
    keras.utils.save_img(tmp_path / "edges" / "0.png", np.full((32, 32, 1), 7), scale=False)
    with pytest.raises(ValueError, match=r"values 0 and 255, or 0 and 1\. Received: 7"):
        _ = SegmentationFolder(tmp_path, 32, masks="edges", contours=True).labels


def test_a_folder_of_edges(tmp_path, capsys):
    pytest.importorskip("skimage")
    drawings(tmp_path / "data")
    run, data = str(tmp_path / "run"), str(tmp_path / "data")
    options = ["--epochs", "1", "--image-size", "32", "--batch-size", "4"]
    assert main(["fit", data, "--out", run, *options]) == 0
    assert "ODS-F" in capsys.readouterr().out
    found = Run.load(run)
    assert isinstance(found.evaluation, ContourEvaluation)
    assert found.model.output_shape == (None, 32, 32, 1)
    masks = tmp_path / "masks"
    assert main(["predict", run, f"{data}/images", "--masks", str(masks)]) == 0
    assert "background" in capsys.readouterr().out and len([*masks.iterdir()]) == 8
