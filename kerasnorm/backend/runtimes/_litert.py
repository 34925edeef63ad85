"""LiteRT, also called TensorFlow Lite."""

import importlib.util
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

PACKAGES = ()
QUANTIZED = ("int8", "float16")
SUFFIX = ".tflite"
TAKES_CONSTANTS = True


def write(
    model: keras.Model,
    path: Path,
    quantize: str | None,
    samples: np.ndarray | None,
    labels: Sequence[str],
) -> None:
    """Writes the file, with the names of the classes in labels.txt of the archive at its end."""
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, format="tf_saved_model", verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if quantize is not None:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantize == "float16":
            converter.target_spec.supported_types = [tf.float16]
        elif quantize == "int8":
            converter.representative_dataset = lambda: ([row[None]] for row in samples)
        with warnings.catch_warnings():
            # "Statistics for quantized inputs were expected": of a converter before this one
            warnings.simplefilter("ignore", UserWarning)
            content = converter.convert()
    path.write_bytes(content)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "\n".join(labels) + "\n")


def load(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Returns what the interpreter computes by it, image for image as on a phone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's says that it will go
        interpreter = _interpreter_class()(model_content=path.read_bytes())
    (given,), (found,) = interpreter.get_input_details(), interpreter.get_output_details()

    def run(x: np.ndarray) -> np.ndarray:
        interpreter.resize_tensor_input(given["index"], (1, *x.shape[1:]))
        interpreter.allocate_tensors()
        outputs = []
        for row in x:
            interpreter.set_tensor(given["index"], row[None])
            interpreter.invoke()
            outputs.append(interpreter.get_tensor(found["index"]))
        return np.concatenate(outputs)

    return run


def _interpreter_class() -> Any:
    """Returns LiteRT's own where it is installed, else the one that TensorFlow still has."""
    if importlib.util.find_spec("ai_edge_litert"):
        from ai_edge_litert.interpreter import Interpreter

        return Interpreter
    import tensorflow as tf

    return tf.lite.Interpreter
