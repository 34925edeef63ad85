"""The features of layers: what they give, averaged over positions."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm.data import input_batches
from kerasnorm.models import Leaf, other_calls


def pool(layer: keras.Layer, tensor: Any) -> Any:
    """Returns a layer's output as float32 features (N, C): a feature map becomes its mean."""
    rank = len(tensor.shape)
    tensor = ops.cast(tensor, "float32")
    if rank < 3:
        return tensor if rank == 2 else ops.expand_dims(tensor, -1)
    data_format = getattr(layer, "data_format", None)
    if data_format is None and rank > 3:
        data_format = keras.config.image_data_format()
    channel = 1 if data_format == "channels_first" else rank - 1
    return ops.mean(tensor, axis=[axis for axis in range(1, rank) if axis != channel])


def pooled_features(model: keras.Model, found: list[Leaf], x: Any) -> dict[str, np.ndarray]:
    """Returns the features of layers by path, from one pass over the examples in batches.

    A layer that is called several times gives those of its first call, and the first of several
    outputs counts. Layers that are never called are left out.
    """
    batches: dict[str, list[np.ndarray]] = {}
    with _listening(found) as heard:
        for inputs in input_batches(model, x, None):
            heard.clear()
            model(inputs, training=False)
            for path, features in heard.items():
                batches.setdefault(path, []).append(features)
    return {leaf.path: np.concatenate(batches[leaf.path]) for leaf in found if leaf.path in batches}


@contextlib.contextmanager
def _listening(found: list[Leaf]) -> Iterator[dict[str, np.ndarray]]:
    """Lets layers note the features of their first call since the last time the notes were cleared.

    They are as they were afterwards.
    """
    heard: dict[str, np.ndarray] = {}
    layers = [leaf.layer for leaf in found]
    with other_calls(layers, lambda place, _: _listener(found[place], heard)):
        yield heard


def _listener(leaf: Leaf, heard: dict[str, np.ndarray]) -> Callable[..., Any]:
    layer, call = leaf.layer, leaf.layer.call

    def listening(*args: Any, **kwargs: Any) -> Any:
        outputs = call(*args, **kwargs)
        if leaf.path not in heard:
            first = keras.tree.flatten(outputs)[0]
            heard[leaf.path] = ops.convert_to_numpy(pool(layer, first))
        return outputs

    return listening
