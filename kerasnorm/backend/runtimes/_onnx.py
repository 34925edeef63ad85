"""ONNX, for ONNX Runtime and others."""

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import keras
import numpy as np

PACKAGES = ("onnx", "onnxruntime", "tf2onnx")
QUANTIZED = ("int8",)
SUFFIX = ".onnx"
TAKES_CONSTANTS = False  # tf2onnx makes inputs of them
_ANY_SIZE = 64


def write(
    model: keras.Model,
    path: Path,
    quantize: str | None,
    samples: np.ndarray | None,
    labels: Sequence[str],
) -> None:
    """Writes the file, with the names of the classes in its metadata, `labels`, one a line."""
    import onnx

    sizes = (size or _ANY_SIZE for size in model.input_shape[1:])
    model(np.zeros((1, *sizes), "float32"))  # Keras exports to ONNX what has been called
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tf2onnx, for NumPy
        model.export(path, format="onnx", verbose=False)
    if quantize == "int8":
        _quantize(path, samples)
    content = onnx.load(path)
    onnx.helper.set_model_props(content, {"labels": "\n".join(labels)})
    onnx.save(content, path)


def load(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Returns what ONNX Runtime computes by it on the processor."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    return lambda x: session.run(None, {given.name: x})[0]


def _quantize(path: Path, samples: np.ndarray) -> None:
    """Replaces a model by one that computes with 8 bits, in the ranges of the samples."""
    import onnxruntime
    from onnxruntime import quantization

    (given,) = onnxruntime.InferenceSession(str(path)).get_inputs()

    class Samples(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            self.rows: Iterator[np.ndarray] = iter(samples)

        def get_next(self) -> dict[str, np.ndarray] | None:
            row = next(self.rows, None)
            return None if row is None else {given.name: row[None]}

    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)  # it recommends its own way to fold batch normalization
    try:
        quantization.quantize_static(path, path, Samples(), per_channel=True)
    finally:
        logger.setLevel(level)
