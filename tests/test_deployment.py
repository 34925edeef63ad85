"""Every public layer out of Keras: exported, run in its runtime and compared."""

import functools
import importlib.util
import itertools
import pathlib
import tempfile

import deploying
import keras
import numpy as np
import pytest
from deploying import LOOPS, OF_ANY_SIZE, QUICK, ROWS, SHAPE

from kerasnorm import normalization as kn

BACKEND = keras.config.backend()
on_tensorflow = pytest.mark.skipif(BACKEND != "tensorflow", reason="TensorFlow's converter")
# what converters say of themselves
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated:UserWarning"),
    pytest.mark.filterwarnings("ignore:Statistics for quantized inputs were expected:UserWarning"),
]


def needs(*packages):
    for package in packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")


def interpret(interpreter_class, content, x):
    interpreter = interpreter_class(model_content=content)
    (given,), (found,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.resize_tensor_input(given["index"], x.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(given["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(found["index"])


def tflite(model, **settings):
    """Returns the model as TensorFlow's converter writes it."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    for name, value in settings.items():
        setattr(converter, name, value)
    return converter.convert()


def run_tflite(model, x, folder, **settings):
    import tensorflow as tf

    return interpret(tf.lite.Interpreter, tflite(model, **settings), x)


def run_litert(model, x, folder):
    needs("ai_edge_litert")
    from ai_edge_litert.interpreter import Interpreter

    path = folder / "model.tflite"
    model.export(path, format="litert", verbose=False)
    return interpret(Interpreter, path.read_bytes(), x)


def run_onnx(model, x, folder):
    needs("onnxruntime", "onnxscript" if BACKEND == "torch" else "tf2onnx")
    import onnxruntime

    path = str(folder / "model.onnx")
    model.export(path, format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    return session.run(None, {given.name: x})[0]


def run_saved_model(model, x, folder):
    needs("tensorflow")
    import tensorflow as tf

    model.export(folder / "model", format="tf_saved_model", verbose=False)
    loaded = tf.saved_model.load(folder / "model")
    return loaded.serve(x).numpy()


FORMATS = {
    "tensorflow": (run_tflite, run_litert, run_onnx, run_saved_model),
    "jax": (run_saved_model,),
    "torch": (run_onnx,),
}[BACKEND]
NETWORKS = {
    "quick": ({name: ROWS[name] for name in QUICK}, SHAPE, None),
    "whole": (ROWS, SHAPE, None),
    "any size": (OF_ANY_SIZE, (None, None, SHAPE[-1]), None),
    "loops": (LOOPS, SHAPE, 2),
}


@functools.cache
def network(name):
    return deploying.network(*NETWORKS[name])


@functools.cache
def outputs(name, run):
    """Returns what the runtime and Keras make of images, with one conversion for all rows."""
    model, ends = network(name)
    x = deploying.images()
    expected = keras.ops.convert_to_numpy(model(x, training=False))
    with tempfile.TemporaryDirectory() as folder:
        found = run(model, x, pathlib.Path(folder))
    starts = [0, *ends.values()]
    return {
        row: (found[:, start:end], expected[:, start:end])
        for row, (start, end) in zip(ends, itertools.pairwise(starts), strict=True)
    }


def cases():
    """Yields every network, row and runtime; those that take longer are a target of their own."""
    for name, run in itertools.product(NETWORKS, FORMATS):
        if name == "loops" and run is run_litert:
            continue  # Keras' exporter leaves them operations of TensorFlow, its own LSTM too
        quick = name == "quick" and run in (run_tflite, run_onnx)
        marks = () if quick else pytest.mark.deployment
        for row in NETWORKS[name][0]:
            yield pytest.param(name, row, run, id=f"{name}-{row}-{run.__name__}", marks=marks)


@pytest.mark.parametrize(("name", "row", "run"), list(cases()))
def test_exported(name, row, run):
    found, expected = outputs(name, run)[row]
    assert expected.std() > 0
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def operations(layer, shape):
    """Returns how many operations TFLite needs for a trained layer."""
    import tensorflow as tf

    model = keras.Sequential([keras.Input(shape), layer])
    random = np.random.default_rng(0)
    model.set_weights([random.uniform(0.3, 1, size=w.shape) for w in model.weights])
    interpreter = tf.lite.Interpreter(model_content=tflite(model))
    found = [operation["op_name"] for operation in interpreter._get_ops_details()]
    return len([name for name in found if name != "DELEGATE"])


@on_tensorflow
@pytest.mark.parametrize(
    ("ours", "keras_class", "arguments"),
    [
        (kn.GroupNormalization, keras.layers.GroupNormalization, {"groups": 4}),
        (kn.LayerNormalization, keras.layers.LayerNormalization, {}),
    ],
    ids=["group", "layer"],
)
@pytest.mark.parametrize(
    "shape",
    [SHAPE, pytest.param((None, None, 8), marks=pytest.mark.deployment)],
    ids=["known size", "any size"],
)
def test_at_most_as_many_operations_as_keras(ours, keras_class, arguments, shape):
    expected = operations(keras_class(**arguments), shape)
    assert operations(ours(**arguments), shape) <= expected


def classifier(normalization):
    layers = keras.layers
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            *(layers.Conv2D(16, 3), normalization(), layers.ReLU()),
            *(layers.Conv2D(8, 3), normalization(), layers.ReLU()),
            *(layers.GlobalAveragePooling2D(), layers.Dense(5)),
        ]
    )


def errors(normalization):
    """Returns the error of float16 and of calibrated int8 in standard deviations of the output."""
    import tensorflow as tf

    model, x = classifier(normalization), deploying.images(32)
    expected = keras.ops.convert_to_numpy(model(x))
    default = {"optimizations": [tf.lite.Optimize.DEFAULT]}
    calibrated = {**default, "representative_dataset": lambda: ([row[None]] for row in x)}
    half = tf.lite.TargetSpec(supported_types=[tf.float16])
    for settings in ({**default, "target_spec": half}, calibrated):
        found = run_tflite(model, x, None, **settings)
        yield np.abs(found - expected).mean() / expected.std()


@functools.cache
def errors_of_keras():
    return np.max([[*errors(c)] for c in (_keras_groups, keras.layers.LayerNormalization)], 0)


def _keras_groups():
    return keras.layers.GroupNormalization(4)


@on_tensorflow
@pytest.mark.deployment
@pytest.mark.parametrize(
    "normalization",
    [
        lambda: kn.GroupNormalization(4),
        kn.InstanceNormalization,
        kn.LayerNormalization,
        kn.BatchNormalization,
        kn.FilterResponseNormalization,
        kn.SwitchableNormalization,
    ],
    ids=["group", "instance", "layer", "batch", "filter response", "switchable"],
)
def test_quantized_by_tflite(normalization):
    half, whole = errors(normalization)
    assert half < max(2 * errors_of_keras()[0], 2e-3)
    assert whole < max(2 * errors_of_keras()[1], 5e-2)


@pytest.mark.filterwarnings("ignore:.*does not have a `quantize` method:UserWarning")
@pytest.mark.filterwarnings("ignore:.*_type_check.*:UserWarning")
@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
@pytest.mark.parametrize(
    "wrapper", [kn.WeightStandardization, kn.WeightNormalization, kn.SpectralNormalization]
)
def test_a_wrapped_layer_is_not_quantized_behind_its_wrapper(wrapper, mode):
    """Its codes were taken for the kernel."""
    dense = keras.layers.Dense(16, name="inside")
    model = keras.Sequential([keras.Input((12,)), keras.layers.Dense(16), wrapper(dense)])
    x = np.random.default_rng(0).normal(size=(64, 12)).astype("float32")
    expected = model(x)
    if mode == "float8":
        model.quantize(mode)
    else:
        with pytest.warns(UserWarning, match=f"'inside' cannot be quantized.*{wrapper.__name__}"):
            model.quantize(mode)
        assert dense.quantization_mode is None
    assert model.layers[0].quantization_mode == mode
    found = keras.ops.convert_to_numpy(model(x) - expected)
    error = {"int8": 0.05, "int4": 0.5, "float8": 0.3}[mode]
    assert np.abs(found).mean() < error * keras.ops.convert_to_numpy(expected).std()


@pytest.mark.filterwarnings("ignore:.*does not have a `quantize` method:UserWarning")
def test_a_wrapped_embedding_is_not_quantized_behind_its_wrapper():
    embedding = keras.layers.Embedding(9, 8, name="inside")
    model = keras.Sequential([keras.Input((5,), dtype="int32"), kn.WeightNormalization(embedding)])
    x = np.arange(5)[None]
    expected = keras.ops.convert_to_numpy(model(x))
    with pytest.warns(UserWarning, match="'inside' cannot be quantized"):
        model.quantize("int8")
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(model(x)), expected)
