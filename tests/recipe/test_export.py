"""`Run.export`: what it wrote is read back by the runtime, and by no code of the exporter."""

import importlib.util
import zipfile

import keras
import numpy as np
import pytest
from backends import once

from kerasnorm import normalization as kn
from kerasnorm.recipe import Evaluation, Recipe, Run

layers = keras.layers
pytestmark = [
    once,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated:UserWarning"),
]
needs_onnx = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("onnx", "onnxruntime", "tf2onnx")),
    reason="ONNX and its runtime are not installed",
)
NAMES = ("cat", "schöner Hund", "none")


@pytest.fixture(scope="module")
def run():
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Rescaling(1 / 127.5, -1),
            layers.Normalization(mean=[0.1, 0.0, -0.1], variance=[0.3, 0.5, 0.4]),
            *(layers.Conv2D(8, 3), kn.BatchNormalization(), layers.ReLU()),
            *(layers.Conv2D(8, 3), kn.GroupNormalization(4), layers.ReLU()),
            *(layers.GlobalAveragePooling2D(), layers.Dense(3)),
        ]
    )
    model.layers[3].moving_mean.assign(np.linspace(-0.3, 0.3, 8))
    evaluation = Evaluation(NAMES, np.array([1, 1, 1]), np.eye(3, dtype=int))
    return Run(model, {}, evaluation, Recipe())


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(0, 255, size=(24, 16, 16, 3))


def of_litert(path, images):
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(model_path=str(path))
    (given,), (found,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.allocate_tensors()
    outputs = []
    for image in images.astype("float32"):
        interpreter.set_tensor(given["index"], image[None])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(found["index"])[0])
    labels = zipfile.ZipFile(path).read("labels.txt").decode().splitlines()
    return np.array(outputs), labels


def of_onnx(path, images):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path))
    (given,) = session.get_inputs()
    (outputs,) = session.run(None, {given.name: images.astype("float32")})
    return outputs, session.get_modelmeta().custom_metadata_map["labels"].splitlines()


def of_saved_model(path, images):
    import tensorflow as tf

    loaded = tf.saved_model.load(path)
    labels = (path / "assets.extra" / "labels.txt").read_text("utf-8").splitlines()
    return loaded.serve(images.astype("float32")).numpy(), labels


@pytest.mark.parametrize(
    ("format", "quantize", "name", "read", "tolerance"),
    [
        ("litert", None, "model.tflite", of_litert, 1e-5),
        ("litert", "int8", "model.tflite", of_litert, 0.15),
        pytest.param(
            *("litert", "float16", "model.tflite", of_litert, 5e-3), marks=pytest.mark.deployment
        ),
        pytest.param("onnx", None, "model.onnx", of_onnx, 1e-5, marks=needs_onnx),
        pytest.param(
            *("onnx", "int8", "model.onnx", of_onnx, 0.15),
            marks=[needs_onnx, pytest.mark.deployment],
        ),
        pytest.param(
            *("saved_model", None, "model", of_saved_model, 1e-5), marks=pytest.mark.deployment
        ),
    ],
)
def test_the_file_says_what_the_model_does(
    format, quantize, name, read, tolerance, run, images, tmp_path
):
    found = run.export(tmp_path / name, format, quantize, images)
    outputs, labels = read(tmp_path / name, images)
    expected = run.model.predict(images, verbose=0)
    assert labels == list(NAMES)
    difference = np.abs(outputs - expected).max()
    assert difference < tolerance * np.abs(expected).max()
    assert found.difference == pytest.approx(difference, rel=0.2, abs=1e-6)
    same = (outputs.argmax(-1) == expected.argmax(-1)).mean()
    assert found.agreement == pytest.approx(same, abs=0.05)
    files = [tmp_path / name, *(tmp_path / name).rglob("*")]
    assert found.size == sum(file.stat().st_size for file in files if file.is_file())
    assert found.images == 24 and found.milliseconds > 0
    assert {file.name for file in tmp_path.iterdir()} == {name}


def test_another_file_is_not_written(run, images, tmp_path, monkeypatch):
    from kerasnorm.backend.runtimes import FORMATS

    broken = lambda path: lambda x: np.zeros((len(x), 3), "float32")  # noqa: E731
    monkeypatch.setattr(FORMATS["litert"], "load", broken)
    with pytest.raises(ValueError, match="other outputs"):
        run.export(tmp_path / "model.tflite", verify=images)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"format": "coreml"}, "format.*'litert'"),
        (
            {"format": "saved_model", "quantize": "int8"},
            "'saved_model' can be quantized to nothing",
        ),
        ({"quantize": "int4"}, "'litert' can be quantized to 'int8', 'float16'"),
        ({"quantize": "int8"}, "int8.*images"),
        ({"path": "model.onnx"}, r"end in \.tflite"),
        ({"verify": np.zeros((2, 8, 8, 3))}, r"shape that the model takes.*16, 16"),
        ({"verify": np.zeros((0, 16, 16, 3))}, "shape that the model takes"),
    ],
)
def test_refuses_before_it_writes(run, settings, message, tmp_path):
    path = tmp_path / settings.get("path", "model.tflite")
    if settings.get("format") == "saved_model":
        path = tmp_path / "model"
    with pytest.raises(ValueError, match=message):
        run.export(path, **{name: v for name, v in settings.items() if name != "path"})
    assert not list(tmp_path.iterdir())


def test_does_not_overwrite_unless_told(run, tmp_path):
    (tmp_path / "model.tflite").write_text("mine")
    with pytest.raises(FileExistsError, match="overwrite"):
        run.export(tmp_path / "model.tflite")
    with pytest.raises(FileNotFoundError, match="no folder"):
        run.export(tmp_path / "nowhere" / "model.tflite")
    assert (tmp_path / "model.tflite").read_text() == "mine"
