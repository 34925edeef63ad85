"""TensorFlow's SavedModel, a folder."""

from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np

PACKAGES = ()
QUANTIZED = ()
SUFFIX = ""
TAKES_CONSTANTS = True


def write(
    model: keras.Model,
    path: Path,
    quantize: str | None,
    samples: np.ndarray | None,
    labels: Sequence[str],
) -> None:
    """Writes the folder, with the names of the classes in assets.extra/labels.txt."""
    model.export(path, format="tf_saved_model", verbose=False)
    extra = path / "assets.extra"
    extra.mkdir()
    (extra / "labels.txt").write_text("\n".join(labels) + "\n", encoding="utf-8")


def load(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Returns what TensorFlow computes by it."""
    import tensorflow as tf

    loaded = tf.saved_model.load(path)
    return lambda x: loaded.serve(tf.constant(x)).numpy()
