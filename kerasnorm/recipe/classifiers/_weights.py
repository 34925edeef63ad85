"""Weights from files: into a base, or a whole model as the start."""

from pathlib import Path

import keras
import numpy as np

from kerasnorm.models import leaves, load_model


def load_base_weights(base: keras.Model, path: Path) -> None:
    """Gives a base its weights from a file of a model like it, or of one that holds such a base.

    Raises:
        ValueError: If the weights in the file do not fit.
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
