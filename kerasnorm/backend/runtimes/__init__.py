"""Files that other runtimes than Keras read: writing them, and running them.

Each format's module has the same names: `write(model, path, quantize, samples, labels)`,
`load(path)`, which returns a function of an array, `PACKAGES`, `QUANTIZED` and `SUFFIX`.
"""

from kerasnorm.backend.runtimes import _litert, _onnx, _saved_model

FORMATS = {"litert": _litert, "onnx": _onnx, "saved_model": _saved_model}

__all__ = ["FORMATS"]
