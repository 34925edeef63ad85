"""Determines which kind of normalization a layer is, whatever its class."""

import keras

from kerasnorm import normalization as norms
from kerasnorm.models import Leaf, every_layer, plain_class

KNOWN = {
    keras.layers.BatchNormalization: "batch",
    keras.layers.LayerNormalization: "layer",
    keras.layers.GroupNormalization: "group",
    norms.BatchNormalization: "batch",
    norms.SyncBatchNormalization: "sync_batch",
    norms.LayerNormalization: "layer",
    norms.InstanceNormalization: "instance",
    norms.GroupNormalization: "group",
    norms.FilterResponseNormalization: "filter_response",
    norms.SwitchableNormalization: "switchable",
}
BATCH = ("batch", "sync_batch")


def kind_of(layer: keras.Layer) -> str | None:
    """Returns the name of a layer's kind in `kerasnorm.normalization.get`, or None.

    >>> kind_of(keras.layers.BatchNormalization())
    'batch'
    """
    kind = next((KNOWN[cls] for cls in plain_class(layer).__mro__ if cls in KNOWN), None)
    return "sync_batch" if kind == "batch" and layer.synchronized else kind


def normalizations(model: keras.Model) -> list[Leaf]:
    """Returns the normalization layers of a built model, at any depth."""
    return [leaf for leaf in every_layer(model) if kind_of(leaf.layer) is not None]


def build_shape(layer: keras.Layer) -> tuple[int | None, ...]:
    """Returns the shape of the input that a layer was built for."""
    return tuple(layer.get_build_config()["input_shape"])
