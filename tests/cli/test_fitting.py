"""The command line: what it makes of a folder, and one line for each mistake."""

import functools
import json
import re
import sys
import urllib.error
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from backends import once
from cli.image_folders import COUNTS, WRITTEN, write_images

import kerasnorm
from kerasnorm.cli import main
from kerasnorm.problems._backbone import small_convnet, small_convnet_for
from kerasnorm.problems._digits import HELD_OUT, _parts
from kerasnorm.recipe import Evaluation, Recipe, Run, classifier
from kerasnorm.recipe.classifiers import load_base_weights

pytest.importorskip("matplotlib")


# The graph of a backbone takes ten times as long as one step of it.
pytestmark = pytest.mark.usefixtures("without_tracing")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("data") / "photos")


def fit(*arguments):
    return main(["fit", *map(str, arguments), "--image-size", "16", "--epochs", "1"])


@once
def test_a_folder_end_to_end(photos, tmp_path, capsys):
    out = tmp_path / "run"
    assert fit(photos, "--out", out, "--compare", "--seeds", 2, "--imbalance", "class_weights") == 0
    printed = capsys.readouterr()
    assert "kerasnorm" not in printed.err
    first, second, *_ = printed.out.splitlines()
    assert first.endswith(
        "13 images of 3 classes (cat 6, dog 4, owl 3); train 7, validation 3, test 3; "
        "images of 20×23"
    )
    assert second == "reads 16×16 RGB, pixels 0 to 255, into a small ConvNet"
    table = [line for line in printed.out.splitlines() if line.startswith("│")]
    assert [re.sub(r"[│ ]+", " ", line).split()[:3] for line in table][1:] == [
        ["cat", "4", "1"],
        ["dog", "2", "1"],
        ["owl", "1", "1"],
    ]
    assert table[0].count("±") == 2
    assert {path.name for path in out.iterdir()} == WRITTEN
    recipe = Recipe.from_json((out / "recipe.json").read_text())
    assert (recipe.transfer, recipe.imbalance) == ("scratch", "class_weights")
    comparison = json.loads((out / "comparison.json").read_text())
    assert {name: len(trials) for name, trials in comparison.items()} == {"plain": 2, "recipe": 2}
    first = json.loads((out / "evaluation.json").read_text())
    assert comparison["recipe"][0] == first and first["class_names"] == [*COUNTS]
    assert np.sum(first["confusion"]) == 3


@once
def test_a_backbone_end_to_end(photos, tmp_path, still, without_report):
    """It starts from a file. Raw images in: its preprocessing is part of the saved model."""
    base = keras.applications.VGG16(include_top=False, weights=None, input_shape=(32, 32, 3))
    base.save_weights(tmp_path / "base.weights.h5")
    arguments = ["--out", tmp_path / "run", "--backbone", "VGG16", "--image-size", "32"]
    arguments += ["--weights", tmp_path / "base.weights.h5", "--recipe", still, "--epochs", "1"]
    assert main(["fit", str(photos), *map(str, arguments)]) == 0
    model = keras.saving.load_model(tmp_path / "run" / "model.keras")
    check_same_weights(base_of(model), base)
    check_preprocessing(model, lambda raw: raw[..., ::-1] - [103.939, 116.779, 123.68])


@once
def test_a_backbone_that_preprocesses_itself():
    model = classifier("MobileNetV3Small", 3, 32, weights=None)
    check_preprocessing(model, lambda raw: raw)


def check_preprocessing(model, preprocess):
    raw = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("float32")
    features = base_of(model).predict(preprocess(raw), verbose=0)
    kernel, bias = model.get_layer("head").get_weights()
    expected = features.mean(axis=(1, 2)) @ kernel + bias
    np.testing.assert_allclose(model.predict(raw, verbose=0), expected, atol=1e-4)


def check_same_weights(one, other):
    for ours, theirs in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.fixture
def still(tmp_path):
    """A recipe that moves no weight of the base, to see which ones it starts from."""
    path = tmp_path / "still.json"
    path.write_text(Recipe(transfer="freeze").to_json())
    return path


def base_of(model):
    return next(layer for layer in model.layers if isinstance(layer, keras.Model))


@pytest.mark.parametrize("held", [False, True], ids=["bare", "held"])
def test_weights_of_a_backbone_from_a_whole_model(held, tmp_path):
    """A .keras file of the backbone, or of a model that holds it."""
    saved, base = (base_of(small_convnet((16, 16, 3), 3, widths=(4, 4))) for _ in range(2))
    outer = keras.Sequential([keras.Input((16, 16, 3)), saved, keras.layers.Flatten()])
    (outer if held else saved).save(tmp_path / "saved.keras")
    load_base_weights(base, tmp_path / "saved.keras")
    check_same_weights(base, saved)


def test_a_keras_file_is_the_start_itself(photos, tmp_path, still, without_report):
    start = small_convnet((16, 16, 3), classes=7, widths=(4, 4))
    start.save(tmp_path / "start.keras")
    out = tmp_path / "run"
    arguments = ["--weights", tmp_path / "start.keras", "--recipe", still, "--out", out]
    assert fit(photos, *arguments) == 0
    model = keras.saving.load_model(out / "model.keras")
    assert model.output_shape == (None, 3)
    check_same_weights(base_of(model), base_of(start))


@once
def test_an_svm(tmp_path, capsys):
    photos = write_images(tmp_path / "photos", {"cat": 8, "dog": 6})
    small_convnet((16, 16, 3), classes=7, widths=(4, 4)).save(tmp_path / "start.keras")
    arguments = ["--weights", tmp_path / "start.keras", "--transfer", "svm", "--compare"]
    assert fit(photos, "--out", tmp_path / "run", *arguments) == 0
    recipe = Recipe.from_json((tmp_path / "run" / "recipe.json").read_text())
    assert recipe == Recipe(transfer="svm")
    assert (tmp_path / "run" / "report.html").read_text().count("<img") == 7
    assert main(["predict", str(tmp_path / "run"), str(photos / "cat")]) == 0
    assert "cat" in capsys.readouterr().out


@once
def test_unreadable_images_are_named_and_skipped(tmp_path, capsys, without_report):
    photos = write_images(tmp_path / "photos")
    good = (photos / "cat" / "0.png").read_bytes()
    (photos / "cat" / "empty.jpg").write_bytes(b"")
    (photos / "dog" / "text.png").write_bytes(b"no image")
    (photos / "owl" / "cut.png").write_bytes(good[: len(good) // 2])
    (photos / "owl" / "notes.txt").write_text("ignored")
    (photos / ".hidden").mkdir()
    shares = ["--validation-split", "0.2", "--test-split", "0.5"]
    assert fit(photos, "--out", tmp_path / "run", *shares) == 0
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 1 and error[0].startswith("kerasnorm: skipped 3 unreadable images: ")
    for name in ("empty.jpg", "text.png", "cut.png"):
        assert name in error[0]
    evaluation = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert evaluation["train_counts"] == [2, 1, 1]
    assert np.sum(evaluation["confusion"], axis=1).tolist() == [3, 2, 1]  # of the test


def bad(*arguments, said, prepare=lambda folder: None):
    return pytest.param(arguments, said, prepare, id=said[:40])


def spoil(name, content=b"no image"):
    def prepare(folder):
        (folder / "photos" / name).parent.mkdir(exist_ok=True)
        (folder / "photos" / name).write_bytes(content)

    return prepare


def only(**counts):
    def prepare(folder):
        for path in sorted(folder.joinpath("photos").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        write_images(folder / "photos", counts)

    return prepare


def save_misfit(folder):
    small_convnet((16, 16, 3), 3, widths=(8, 8)).save_weights(folder / "misfit.weights.h5")
    small_convnet((16, 16, 3), 3, widths=(8, 8)).save(folder / "misfit.keras")


def save_small(folder):
    """A backbone whose last maps have one value."""
    layers = [keras.layers.Conv2D(2, 3), keras.layers.BatchNormalization()]
    layers += [keras.layers.Conv2D(2, 14), keras.layers.BatchNormalization()]
    keras.Sequential([keras.Input((16, 16, 3)), *layers]).save(folder / "small.keras")


def save_recipe(folder):
    (folder / "bad.json").write_text('{"version": 1, "transfer": "frieze"}')


def save_table(folder):
    (folder / "table.csv").write_text("path,label\nphotos/cat/0.png,a\ncat/none.png,b\n")


BAD = [
    bad("nowhere", said="There is no folder 'nowhere'"),
    bad("file.txt", said="the file 'file.txt'"),
    bad("photos", said="should hold one sub-folder of images per class", prepare=only()),
    bad("photos", said="has one class only, 'cat'", prepare=only(cat=3)),
    bad("photos", said="without a readable image: 'dog'", prepare=only(cat=3, dog=0)),
    bad("photos", said="'ant'", prepare=spoil("ant/0.png")),
    bad("photos", said="'dog' has too few readable images, 2", prepare=only(cat=3, dog=2)),
    bad("photos", "--strict", said="1 unreadable image: '", prepare=spoil("cat/bad.jpg")),
    bad("photos", "--validation-split", "1", said="`validation_split`"),
    bad("photos", "--backbone", "MobilNet", said="no backbone 'MobilNet'"),
    bad("photos", "--backbone", "MobileNet", said="at least 32x32"),
    bad("photos", "--weights", "no.weights.h5", said="no file of weights 'no.weights.h5'"),
    bad("photos", "--weights", "file.txt", said=".weights.h5 or .keras"),
    bad("photos", "--weights", "imagenet", said="name a --backbone"),
    bad("photos", "--weights", "misfit.weights.h5", said="do not fit", prepare=save_misfit),
    bad("photos", "--weights", "fake.weights.h5", said="do not fit"),
    bad("photos", "--weights", "fake.keras", said="holds no model"),
    bad(
        *("photos", "--backbone", "MobileNet", "--weights", "misfit.keras", "--image-size", "32"),
        said="'misfit.keras' do not fit the backbone 'mobilenet",
        prepare=save_misfit,
    ),
    bad("photos", "--transfer", "freeze", said="give --weights"),
    bad("photos", "--transfer", "frieze", said="argument --transfer: 'frieze' is none"),
    bad("photos", "--recipe", "no.json", said="no.json"),
    bad("photos", "--recipe", "file.txt", said="should be JSON"),
    bad("photos", "--recipe", "bad.json", said="'frieze'", prepare=save_recipe),
    bad(
        *("photos", "--model", "small.keras", "--normalization", "instance"),
        said="cannot be that: InstanceNormalization would compute",
        prepare=save_small,
    ),
    bad("photos", "--epochs", "0", said="`--epochs`"),
    bad("photos", "--epochs", "many", said="argument --epochs"),
    bad("photos", "--test-split", "0.95", said="leave images to train on"),
    bad("photos", "--compare", "--tensorboard", "b", said="single training"),
    bad("table.csv", said="Line 3 of 'table.csv' names 'cat/none.png'", prepare=save_table),
    bad("photos", "--loss", "balanced_softmax", "--correction", "adjust_logits", said="favour"),
    bad("photos", "--batch-size", "0", said="`--batch-size`"),
    bad("photos", "--seeds", "-1", said="`--seeds`"),
    bad("photos", "--image-size", "-1", said="`--image-size`"),
    bad("digits", "--backbone", "MobileNet", said="leave out '--backbone'"),
]


@once
@pytest.mark.parametrize(("arguments", "said", "prepare"), BAD)
def test_bad_input(arguments, said, prepare, tmp_path, monkeypatch, capfd):
    write_images(tmp_path / "photos")
    for name in ("file.txt", "fake.weights.h5", "fake.keras"):
        (tmp_path / name).write_text("text")
    prepare(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = {path.name for path in tmp_path.iterdir()}
    small = [] if "--image-size" in arguments else ["--image-size", "16"]
    if arguments[0] == "digits":
        small = []
    assert main(["fit", *arguments[:1], "--out", "new/out", *small, *arguments[1:]]) == 2
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("kerasnorm")]
    assert len([line for line in lines if line.startswith("kerasnorm: error: ")]) == 1
    assert said in lines[-1]
    assert {path.name for path in tmp_path.iterdir()} == before


@once
@pytest.mark.parametrize("arguments", [[], ["fit"], ["fot"], ["fit", "digits"]], ids=str)
def test_bad_usage(arguments, capsys):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("kerasnorm: error: ") and error.count("\n") == 1


@once
def test_an_existing_output_and_options_beside_a_recipe_file(
    photos, tmp_path, capsys, without_report
):
    """What exists stays; what an option names wins over the file, whose settings of it go."""
    imbalance = {"imbalance": "resample", "imbalance_settings": {"strategy": "square_root"}}
    recipe = Recipe("group", "scratch", normalization_settings={"groups": 2}, **imbalance)
    (tmp_path / "r.json").write_text(recipe.to_json())
    out = tmp_path / "run"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    assert fit(photos, "--out", out) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["mine.txt"]
    assert fit(photos, "--out", out / "mine.txt", "--overwrite") == 2
    assert "is a file" in capsys.readouterr().err
    assert fit(photos, "--out", out, "--overwrite") == 2
    assert "holds 'mine.txt', and nothing that this would replace" in capsys.readouterr().err
    (out / "recipe.json").write_text("{}")  # of an older run
    arguments = ["--recipe", tmp_path / "r.json", "--imbalance", "class_weights"]
    assert fit(photos, "--out", out, "--overwrite", *arguments) == 0
    assert {path.name for path in out.iterdir()} == WRITTEN | {"mine.txt"}
    expected = Recipe("group", "scratch", "class_weights", normalization_settings={"groups": 2})
    assert Recipe.from_json((out / "recipe.json").read_text()) == expected


@once
@pytest.mark.parametrize(("data", "package"), [("digits", "sklearn"), ("photos", "matplotlib")])
def test_what_is_missing_is_said_first(data, package, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["fit", data, "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert f"This needs '{package}', of the extra 'vision': pip install " in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@once
def test_imagenet_without_network(photos, tmp_path, monkeypatch, capsys):
    def no_network(*arguments, **kwargs):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(keras.applications, "MobileNet", no_network_model(no_network))
    arguments = ["--backbone", "MobileNet", "--weights", "imagenet", "--out", tmp_path / "run"]
    assert fit(photos, *arguments) == 2
    error = capsys.readouterr().err
    assert "could not be fetched" in error and error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def no_network_model(download):
    """Fails as `keras.utils.get_file` does: with an Exception, in the handling of another."""

    def make(**kwargs):
        try:
            download()
        except urllib.error.URLError as error:
            raise Exception("URL fetch failure") from error

    return make


@once
def test_the_same_digits_are_held_out_with_every_seed():
    (train, *held_out), (other, *same) = (
        _parts(np.arange(100), 20, np.random.default_rng(seed)) for seed in (1, 2)
    )
    np.testing.assert_array_equal(held_out, same)
    assert not np.array_equal(train, other)
    assert len({*train, *np.ravel(held_out)}) == 20 + 2 * HELD_OUT


@once
def test_digits(tmp_path, capsys, monkeypatch):
    datasets = pytest.importorskip("sklearn.datasets")
    digits = datasets.load_digits()
    few = SimpleNamespace(images=digits.images[:300], target=digits.target[:300])
    monkeypatch.setattr(datasets, "load_digits", lambda: few)
    monkeypatch.setattr("kerasnorm.problems._digits.COUNTS", (20, 9, 4, 3, 2))
    monkeypatch.setattr("kerasnorm.problems._digits.HELD_OUT", 6)
    monkeypatch.setattr("kerasnorm.problems._digits.PLACEMENTS", 1)
    smaller = functools.partial(small_convnet_for, widths=(4, 4))
    monkeypatch.setattr("kerasnorm.problems._digits_problem.small_convnet_for", smaller)
    monkeypatch.setattr("kerasnorm.problems._digits_problem.SOURCE_EPOCHS", 1)
    arguments = ["fit", "digits", "--out", str(tmp_path / "run"), "--epochs", "1", "--seeds", "1"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    for text in ("plain, from scratch", "plain fine-tuning", "recipe", "│ 9 "):
        assert text in printed
    written = {path.name for path in (tmp_path / "run").iterdir()}
    assert written == WRITTEN - {"images.csv"}  # they are in no files


@once
@pytest.mark.parametrize(
    ("argument", "said"), [("--version", kerasnorm.__version__), ("--help", "examples:")]
)
def test_help(argument, said, capsys):
    with pytest.raises(SystemExit) as left:
        main([argument])
    assert left.value.code == 0 and said in capsys.readouterr().out


@once
def test_a_table_of_images_and_a_backbone_in_a_file(photos, tmp_path, capsys, without_report):
    """The backbone gets a head."""
    layers = [keras.layers.Conv2D(4, 3), keras.layers.ReLU(name="top_relu")]
    keras.Sequential([keras.Input((16, 16, 3)), *layers]).save(tmp_path / "backbone.keras")
    rows = [f"{path},{path.parent.name}" for path in sorted(photos.rglob("*.png"))]
    (tmp_path / "table.csv").write_text("\n".join(["path,label", *rows]))
    out = tmp_path / "run"
    arguments = ["--model", tmp_path / "backbone.keras", "--test-split", "0", "--json"]
    assert fit(tmp_path / "table.csv", "--out", out, *arguments) == 0
    printed = capsys.readouterr()
    assert "reads 16×16 RGB, pixels 0 to 255, into backbone.keras\n" in printed.err
    printed = json.loads(printed.out)
    assert printed == json.loads((out / "comparison.json").read_text())
    evaluation = json.loads((out / "evaluation.json").read_text())
    assert evaluation["class_names"] == [*COUNTS] and evaluation["train_counts"] == [5, 3, 2]
    assert keras.saving.load_model(out / "model.keras").output_shape == (None, 3)


def test_predicts_what_the_saved_model_says(tmp_path, capsys):
    model = small_convnet((16, 16, 3), 2, widths=(4,))
    evaluation = Evaluation(("cat", "dog"), np.array([1, 1]), np.eye(2))
    Run(model, {}, evaluation, Recipe(), evaluation).save(tmp_path / "run")
    raw = np.random.default_rng(0).integers(0, 255, (3, 16, 16, 3)).astype("uint8")
    for index, image in enumerate(raw):
        keras.utils.save_img(tmp_path / f"{index}.png", image, scale=False)
    expected = np.exp(model.predict(raw, verbose=0).astype("float64"))
    expected /= expected.sum(axis=1, keepdims=True)
    named = [str(tmp_path / "2.png"), str(tmp_path)]
    assert main(["predict", str(tmp_path / "run"), *named, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["path"][-5:] for row in found] == ["2.png", "0.png", "1.png", "2.png"]
    for row, probabilities in zip(found, expected[[2, 0, 1, 2]], strict=True):
        assert row["class"] == ("cat", "dog")[probabilities.argmax()]
        np.testing.assert_allclose([*row["probabilities"].values()], probabilities, atol=1e-5)
    assert main(["predict", str(tmp_path / "run"), *named[:1]]) == 0
    assert re.search(rf"2\.png +{found[0]['class']} +\d+\.\d %", capsys.readouterr().out)


@once
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere", "x.png"], "no folder of a run 'nowhere'"),
        (["run", "x.png"], "no file or folder 'x.png'"),
        (["run", "empty"], "no images"),
        (["run", "text.png"], "1 unreadable image: 'text.png'"),
    ],
)
def test_predict_refuses(arguments, said, photos, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.png").write_text("text")
    model = small_convnet((16, 16, 3), 2, widths=(4,))
    Run(model, {}, None, Recipe()).save("run")
    assert main(["predict", *arguments]) == 2
    assert said in capsys.readouterr().err


@once
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated:UserWarning")
def test_exports_for_a_phone(photos, tmp_path, capsys):
    model = small_convnet((16, 16, 3), 2, widths=(4,))
    Run(model, {}, None, Recipe()).save(tmp_path / "run")
    arguments = ["export", str(tmp_path / "run"), "--to", "litert"]
    assert main([*arguments, "--quantize", "int8"]) == 2
    assert "--verify" in capsys.readouterr().err
    assert main([*arguments, "--verify", str(photos), "--images", "5"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"compared on +5 images", said) and re.search(r"same class +100\.0 %", said)
    assert (tmp_path / "run" / "model.tflite").stat().st_size > 1000
    assert main(arguments) == 2
    assert "exists" in capsys.readouterr().err


@once
def test_advises_in_words_and_in_json(photos, tmp_path, capsys):
    small_convnet((16, 16, 3), 5, widths=(4,)).save(tmp_path / "start.keras")
    arguments = ["advise", str(photos), "--weights", str(tmp_path / "start.keras")]
    assert main([*arguments, "--batch-size", "2", "--similarity", "0.7"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"^normalization +as is", said, re.MULTILINE)
    assert "similarity of 0.7" in said and "2 examples per batch" in said
    assert main([*arguments, "--json"]) == 0
    advice = json.loads(capsys.readouterr().out)
    recipe = Recipe.from_json(json.dumps(advice["recipe"]))
    assert recipe.transfer == "fine_tune" and advice["reasons"][0].startswith("Similarity")


@once
def test_completion_for_shells(capsys):
    pytest.importorskip("shtab")
    with pytest.raises(SystemExit) as done:
        main(["--print-completion", "bash"])
    assert done.value.code in (None, 0)
    script = capsys.readouterr().out
    assert all(name in script for name in ("advise", "predict", "--validation-split"))
