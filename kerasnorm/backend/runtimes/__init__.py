"""Files that other runtimes than Keras read: writing them, and running them.

Each format's module has the same names: `write(model, path, quantize, samples, labels)`,
`load(path)`, which returns a function of an array, `PACKAGES`, `QUANTIZED`, `SUFFIX`, and whether
it `TAKES_CONSTANTS`, tensors that layers keep in attributes.
"""

import keras

from kerasnorm.backend.runtimes import _litert, _onnx, _saved_model

FORMATS = {"litert": _litert, "onnx": _onnx, "saved_model": _saved_model}


def check_backend() -> None:
    """Refuses backends whose models Keras does not write in all formats."""
    if keras.config.backend() != "tensorflow":
        raise ValueError(
            "Export runs on TensorFlow. Set KERAS_BACKEND=tensorflow and load the run with "
            f"`Run.load`: its file is the same on all. Received: {keras.config.backend()!r}."
        )


__all__ = ["FORMATS", "check_backend"]
