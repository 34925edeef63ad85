"""Several labels, and one output for two classes, from the command line."""

import json

import keras
import numpy as np
import pytest
from backends import once
from cli.image_folders import write_images

from kerasnorm.cli import main
from kerasnorm.imbalance import ImageTable
from kerasnorm.recipe import BinaryEvaluation, LabelsEvaluation, Run

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
