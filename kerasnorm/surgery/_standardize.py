"""Standardizes the kernels of convolutions in a whole model."""

import keras

from kerasnorm.models import Leaf, become, build_like, every_layer
from kerasnorm.normalization import CONVOLUTIONAL, KernelWrapper, WeightStandardization
from kerasnorm.surgery._choose import Where, choose
from kerasnorm.surgery._report import Report

_CONVOLUTIONS = tuple(cls for cls in CONVOLUTIONAL if cls is not keras.layers.Dense)
_WRAPPERS = (KernelWrapper, keras.layers.SpectralNormalization)


def standardize(
    model: keras.Model, normalized: list[Leaf], which: bool | Where, report: Report
) -> list[Leaf]:
    """Lets convolutions of a model compute with standardized kernels, and returns them.

    Args:
        model: Changed in place.
        normalized: The layers that got the new normalization.
        which: True, False or as `where` of `replace_normalization`.
        report: Gets the paths.
    """
    if which is False:
        return []
    layers = every_layer(model)
    found = [leaf for leaf in layers if isinstance(leaf.layer, _CONVOLUTIONS)]
    found = [leaf for leaf in found if not isinstance(leaf.nodes[-2], _WRAPPERS)]
    if which is True:
        ids = {id(leaf.layer) for leaf in normalized}
        last = max((i for i, leaf in enumerate(layers) if id(leaf.layer) in ids), default=0)
        below = {id(leaf.layer) for leaf in layers[:last]}
        chosen = [leaf for leaf in found if id(leaf.layer) in below and _is_linear(leaf.layer)]
    else:
        chosen = choose(found, "weight_standardization", which)
    return [leaf for leaf in chosen if _wrap(leaf, report)]


def _is_linear(layer: keras.Layer) -> bool:
    return layer.activation in (None, keras.activations.linear)


def _wrap(leaf: Leaf, report: Report) -> bool:
    layer = leaf.layer
    inner = type(layer).from_config(layer.get_config())
    try:
        outer = WeightStandardization(inner, name=layer.name, trainable=layer.trainable)
        build_like(outer, layer)
    except ValueError as error:
        report.refuse(leaf.path, error)
        return False
    inner.set_weights(layer.get_weights())
    for variable, twin in zip(layer.variables, inner.variables, strict=True):
        twin.trainable = variable.trainable
    become(layer, outer)
    report.standardized.append(leaf.path)
    return True
