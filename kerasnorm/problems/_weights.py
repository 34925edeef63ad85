"""Weights from files: into a base, or a whole model as the start."""

from pathlib import Path

import keras
import numpy as np

from kerasnorm._types import StrPath
from kerasnorm.models import leaves, load_model


def check_weights_file(path: StrPath) -> Path:
    """Returns the path of a file of weights that exists.

    Raises:
        OSError: if there is no such file.
        ValueError: if its name does not end in .weights.h5 or .keras.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"There is no file of weights {str(path)!r}.")
    if not path.name.endswith((".weights.h5", ".keras")):
        raise ValueError(f"Weights are in .weights.h5 or .keras files. Received: {path.name!r}.")
    return path


def load_base_weights(base: keras.Model, path: Path) -> None:
    """Gives a base its weights from a file of a model like it, or of one that holds such a base.

    Raises:
        ValueError: if the weights in the file do not fit.
    """
    if path.suffix == ".keras":
        _take_weights(base, load_model(path), path)
        return
    try:
        base.load_weights(path)
    except (ValueError, OSError, KeyError) as error:
        raise ValueError(_misfit(base, path)) from error


def _take_weights(base: keras.Model, model: keras.Model, path: Path) -> None:
    shapes = [weight.shape for weight in base.weights]
    inside = [layer for layer in getattr(model, "layers", []) if isinstance(layer, keras.Model)]
    for part in (model, *inside):
        if [weight.shape for weight in part.weights[: len(shapes)]] == shapes:
            base.set_weights([np.asarray(weight) for weight in part.get_weights()[: len(shapes)]])
            _finish(base)
            return
    raise ValueError(_misfit(base, path))


def _finish(base: keras.Model) -> None:
    """Lets keras.layers.Normalization use the statistics it has been given."""
    for leaf in leaves(base):
        if isinstance(leaf.layer, keras.layers.Normalization):
            leaf.layer.finalize_state()


def _misfit(base: keras.Model, path: Path) -> str:
    return f"The weights in {str(path)!r} do not fit the backbone {base.name!r}."
