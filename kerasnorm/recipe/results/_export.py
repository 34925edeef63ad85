"""Exports the model of a run for other runtimes, and runs the exported file."""

import contextlib
import dataclasses
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerasnorm._files import staged, whole
from kerasnorm._table import aligned
from kerasnorm._types import StrPath
from kerasnorm._validation import check_choice, listed, require
from kerasnorm.backend.runtimes import FORMATS, check_backend
from kerasnorm.models import constants_as_variables, gives_logits, is_graph
from kerasnorm.surgery import fold_batchnorm

_SAVED_MODEL = {"saved_model.pb", "fingerprint.pb", "variables", "assets", "assets.extra"}
# Float32 in another order: of outputs of size 1.
_TOLERANCE = 1e-3
_TIMED = 20


@dataclasses.dataclass(frozen=True)
class Export:
    """Exported file for another runtime, and its comparison with the Keras model.

    `Run.export` returns it. Look at the agreement on your own images before you ship an int8 file.

    Attributes:
        path: The file, or the folder of a SavedModel.
        format: "litert", "onnx" or "saved_model".
        quantize: "int8", "float16" or None.
        size: Bytes.
        images: Number of compared images; without any, the following are None.
        difference: The largest difference of an output.
        agreement: The share of images, or pixels, of the same class in both, in [0, 1].
        milliseconds: Median time of an image on its own in the new runtime, on this processor.

    Example:

    >>> from pathlib import Path
    >>> print(Export(Path("model.tflite"), "litert", "int8", 1_200_000))
    file  model.tflite (litert, int8)
    size  1.20 MB

    See also:
        `Run`, whose method returns it.
    """

    path: Path
    format: str
    quantize: str | None
    size: int
    images: int = 0
    difference: float | None = None
    agreement: float | None = None
    milliseconds: float | None = None

    def __str__(self) -> str:
        precision = "" if self.quantize is None else f", {self.quantize}"
        rows = [
            ("file", f"{self.path} ({self.format}{precision})"),
            ("size", f"{self.size / 1e6:.2f} MB"),
        ]
        if self.images:
            rows += [
                ("compared on", f"{self.images} images"),
                ("largest difference", f"{self.difference:.2g}"),
                ("same class", f"{100 * self.agreement:.1f} %"),
                ("time", f"{self.milliseconds:.2f} ms an image"),
            ]
        return aligned(rows, left=2)


def export(
    model: keras.Model,
    path: StrPath,
    format: str,
    quantize: str | None,
    verify: Any,
    labels: Sequence[str],
    overwrite: bool,
) -> Export:
    """Writes a model for another runtime; see `Run.export`."""
    path = Path(path).expanduser()
    images = _check(model, path, format, quantize, verify, overwrite)
    ready = _folded(model)
    runtime = FORMATS[format]
    with whole(path) if runtime.SUFFIX else staged(path, overwrite, _SAVED_MODEL) as part:
        takes = runtime.TAKES_CONSTANTS
        with contextlib.nullcontext() if takes else constants_as_variables(ready):
            runtime.write(ready, part, quantize, images, labels)
        size = sum(file.stat().st_size for file in [part, *part.rglob("*")] if file.is_file())
        figures = {} if images is None else _compare(model, runtime.load(part), images, quantize)
    return Export(path, format, quantize, size, **figures)


def _check(
    model: keras.Model,
    path: Path,
    format: str,
    quantize: str | None,
    verify: Any,
    overwrite: bool,
) -> np.ndarray | None:
    """Refuses what cannot be written before anything is; returns the images to compare on."""
    check_backend()
    check_choice("format", format, tuple(FORMATS))
    runtime = FORMATS[format]
    require(*runtime.PACKAGES, extra="export")
    if quantize is not None and quantize not in runtime.QUANTIZED:
        able = [name for name, other in FORMATS.items() if quantize in other.QUANTIZED]
        raise ValueError(
            f"{format!r} can be quantized to {listed(runtime.QUANTIZED) or 'nothing'}. "
            f"Received: quantize={quantize!r}"
            + (f", which format={able[0]!r} can be quantized to." if able else ".")
        )
    if path.suffix != runtime.SUFFIX:
        expected = f"end in {runtime.SUFFIX}" if runtime.SUFFIX else "be a folder, without suffix"
        raise ValueError(f"`path` should {expected} for {format!r}. Received: {str(path)!r}.")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{str(path)!r} exists. Choose another path, or `overwrite=True`.")
    if runtime.SUFFIX and not path.parent.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(path.parent)!r} to write {path.name!r} to."
        )
    if verify is None and quantize == "int8":
        raise ValueError(
            'quantize="int8" needs images to find the ranges of values: give some 100 of them as '
            "`verify`, as raw as the model takes them."
        )
    return None if verify is None else _as_images(model, verify)


def _as_images(model: keras.Model, verify: Any) -> np.ndarray:
    images = np.asarray(verify, dtype="float32")
    expected = model.input_shape
    fits = images.ndim == len(expected) and all(
        size in (None, given) for size, given in zip(expected[1:], images.shape[1:], strict=True)
    )
    if not fits or not len(images):
        raise ValueError(
            f"`verify` should have images of the shape that the model takes, {expected}. "
            f"Received: shape {images.shape}."
        )
    return images


def _folded(model: keras.Model) -> keras.Model:
    """Returns the model with batch normalization in its convolutions, where that is right."""
    if not is_graph(model):
        return model
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*not folded")
        return fold_batchnorm(model)


def _compare(
    model: keras.Model,
    run: Callable[[np.ndarray], np.ndarray],
    images: np.ndarray,
    quantize: str | None,
) -> dict[str, Any]:
    expected, found = model.predict(images, verbose=0), run(images)
    difference = float(np.abs(found - expected).max())
    if quantize is None and not difference <= _TOLERANCE * max(1, np.abs(expected).max()):
        raise ValueError(
            f"The exported model gives other outputs than the Keras model: they differ by "
            f"{difference:.2g}. Nothing was written."
        )
    logits = gives_logits(model)
    same = _classes(found, logits) == _classes(expected, logits)
    seconds = []
    for row in images[:_TIMED]:
        start = time.perf_counter()
        run(row[None])
        seconds.append(time.perf_counter() - start)
    return {
        "images": len(images),
        "difference": difference,
        "agreement": float(same.mean()),
        "milliseconds": 1e3 * statistics.median(seconds),
    }


def _classes(outputs: np.ndarray, logits: bool) -> np.ndarray:
    if outputs.shape[-1] == 1:
        return outputs > (0 if logits else 0.5)
    return outputs.argmax(-1)
