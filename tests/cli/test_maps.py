"""The command line on images with masks."""

import json
from functools import partial

import keras
import numpy as np
import pytest
from backends import once

from kerasnorm.cli import main
from kerasnorm.problems._backbone import small_unet
from kerasnorm.recipe import Recipe, Run
from kerasnorm.recipe.results._map_evaluation import MapEvaluation

pytest.importorskip("matplotlib")
Image = pytest.importorskip("PIL.Image")
pytestmark = [
    pytest.mark.usefixtures("without_tracing"),
    once,
]


def write_scenes(folder, count=6, size=(16, 20), mark=255):
    """Images that are brighter where the mask is 1; its last row has no class."""
    rng = np.random.default_rng(0)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for index in range(count):
        mask = np.zeros(size, "uint8")
        mask[2:6, 3 : 5 + index] = 1
        image = 60 + 120 * mask[..., None] + rng.integers(0, 30, (*size, 3))
        mask[-1] = mark
        Image.fromarray(image.astype("uint8")).save(folder / "images" / f"{index}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return write_scenes(tmp_path_factory.mktemp("data") / "scenes")


def fit(*arguments):
    return main(["fit", *map(str, arguments), "--image-size", "8", "--epochs", "1"])


def test_from_a_folder_to_pictures(scenes, tmp_path, capsys):
    small_unet((8, 8, 3), 4, widths=(4, 4)).save(tmp_path / "unet.keras")
    out = tmp_path / "run"
    arguments = ["--model", tmp_path / "unet.keras", "--ignore-class", 255]
    assert fit(scenes, "--out", out, *arguments) == 0
    printed = capsys.readouterr()
    assert "mean IoU" in printed.out and "IoU of 1 " in printed.out
    assert "kerasnorm" not in printed.err
    evaluation = json.loads((out / "evaluation.json").read_text())
    assert np.sum(evaluation["confusion"]) == 7 * 8  # one scene, without the last row
    assert evaluation["train_counts"][0] + evaluation["train_counts"][1] == 4 * 15 * 20
    assert "Confusion of pixels" in (out / "report.html").read_text()
    recipe = Recipe.from_json((out / "recipe.json").read_text())
    assert (recipe.imbalance, recipe.imbalance_settings) == ("class_weights", {"scheme": "log"})

    images, masks = scenes / "images", tmp_path / "found"
    assert main(["predict", str(out), str(images), "--masks", str(masks), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    names = sorted(path.name for path in images.iterdir())
    raw = np.array([np.asarray(Image.open(images / name), "float32") for name in names])
    small = keras.ops.image.resize(raw, (8, 8), antialias=True)
    expected = Run.load(out).model.predict(small, verbose=0).argmax(-1)
    for row, name, label_map in zip(found, names, expected, strict=True):
        assert row["mask"] == str(masks / name) and sum(row["shares"].values()) == pytest.approx(1)
        picture = np.asarray(Image.open(row["mask"]))
        assert picture.shape == (16, 20)  # of the image, not of the model
        np.testing.assert_array_equal(picture[::2][:, [1, 3, 6, 8, 11, 13, 16, 18]], label_map)


def test_without_a_model_a_small_unet_is_trained(tmp_path, monkeypatch, capsys, without_report):
    smaller = partial(small_unet, widths=(4, 4))
    monkeypatch.setattr("kerasnorm.problems._scene_problem.small_unet", smaller)
    folder = write_scenes(tmp_path / "scenes", mark=0)
    (folder / "classes.txt").write_text("wall\ndoor\n")
    assert fit(folder, "--out", tmp_path / "run") == 0
    run = Run.load(tmp_path / "run")
    assert run.evaluation.class_names == ("wall", "door") and run.recipe.transfer == "scratch"
    capsys.readouterr()
    assert main(["predict", str(tmp_path / "run"), str(folder / "images" / "0.png")]) == 0
    assert "wall " in capsys.readouterr().out


def test_advice(scenes, tmp_path, capsys):
    small_unet((8, 8, 3), 2, widths=(4, 4)).save(tmp_path / "unet.keras")
    arguments = ["--model", str(tmp_path / "unet.keras"), "--ignore-class", "255", "--json"]
    assert main(["advise", str(scenes), *arguments]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["recipe"]["transfer"] == "fine_tune"
    assert any("pixels" in reason for reason in found["reasons"])


BAD = [
    ([], "pass `ignore_class=255`"),
    (["--ignore-class", "255", "--backbone", "MobileNet"], "A --backbone gives no label maps"),
    (["--ignore-class", "255", "--model", "imagenet"], "the .keras file of a model"),
    (["--ignore-class", "255", "--model", "dense.keras"], "should end in one Conv2D"),
    (["--ignore-class", "255", "--transfer", "svm"], "needs one class for each example"),
    (["--ignore-class", "255", "--imbalance", "resample"], "'repeat_factor'"),
    (["--ignore-class", "255", "--test-split", "0.95"], "leave images to train on"),
    (["--ignore-class", "255", "--image-size", "9"], "a multiple of 4"),
]


@pytest.mark.parametrize(("arguments", "said"), BAD, ids=[said for _, said in BAD])
def test_refused(arguments, said, scenes, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    if "dense.keras" in arguments:
        layers = [keras.layers.Flatten(), keras.layers.Dense(2)]
        keras.Sequential([keras.Input((8, 8, 3)), *layers]).save("dense.keras")
    size = [] if "--image-size" in arguments else ["--image-size", "8"]
    command = ["fit", str(scenes), "--out", "run", "--epochs", "1", *size, *arguments]
    assert main(command) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("kerasnorm: error: ") and said in lines[-1]
    assert not (tmp_path / "run").exists()


def test_tuning_is_for_classes_of_images(scenes, tmp_path, capsys):
    pytest.importorskip("keras_tuner")
    command = ["tune", str(scenes), "--out", str(tmp_path / "run"), "--ignore-class", "255"]
    assert main(command) == 2
    assert "`tune` is for classes of images" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "images" / "0.png").write_bytes(b""), "1 unreadable image"),
        (lambda folder: (folder / "masks" / "0.png").unlink(), "Received without the other: '0'"),
        (lambda folder: (folder / "classes.txt").write_text("wall"), "should name the 2 classes"),
    ],
    ids=["image", "mask", "names"],
)
def test_bad_folders(spoil, said, tmp_path, capsys):
    folder = write_scenes(tmp_path / "scenes", mark=0)
    spoil(folder)
    assert fit(folder, "--out", tmp_path / "run") == 2
    assert said in capsys.readouterr().err


def test_predict_refuses(scenes, tmp_path, capsys):
    free = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(2, 1)])
    evaluation = MapEvaluation(("a", "b"), np.array([1, 1]), np.eye(2, dtype=int))
    Run(free, {}, evaluation, Recipe(), evaluation).save(tmp_path / "run")
    image = str(scenes / "images" / "0.png")
    assert main(["predict", str(tmp_path / "run"), image]) == 2
    assert "--image-size" in capsys.readouterr().err
    sized = ["predict", str(tmp_path / "run"), "--image-size", "8", image]
    assert main(sized) == 0
    assert main([*sized, image, "--masks", str(tmp_path / "found")]) == 2
    assert "'0.png'" in capsys.readouterr().err and not (tmp_path / "found").exists()
