"""Finds batch normalizations that can be folded into the layer in front of them."""

from dataclasses import dataclass

import keras

from kerasnorm.models import (
    Leaf,
    Use,
    every_layer,
    has_mask,
    in_training,
    plain_class,
    statistics_set,
    uses,
)
from kerasnorm.normalization import CONVOLUTIONAL, ConvNormActivation, TrackedNormalization
from kerasnorm.surgery._kinds import BATCH, build_shape, kind_of, normalizations
from kerasnorm.surgery._sync_keras_batch_normalization import SyncKerasBatchNormalization

_CALLS = (
    keras.layers.BatchNormalization.call,
    TrackedNormalization.call,
    SyncKerasBatchNormalization.call,
)


@dataclass(frozen=True)
class Pair:
    """Holds a batch normalization and the layer that can compute it."""

    conv: Leaf
    norm: Leaf


def find_pairs(model: keras.Model) -> tuple[list[Pair], dict[str, str]]:
    """Returns what can be folded in a model, and the reason for each path that cannot."""
    layers = {id(leaf.layer): leaf for leaf in every_layer(model)}
    calls = uses(model)
    training = in_training(model, calls)
    pairs, left = [], {}
    for norm in normalizations(model):
        if kind_of(norm.layer) not in BATCH:
            continue
        source, reason = _source(norm, calls)
        reason = reason or _unfit(norm.layer, training) or _mismatch(source, norm.layer)
        if reason is None:
            pairs.append(Pair(layers[id(source)], norm))
        else:
            left[norm.path] = reason
    return pairs, left


def _source(norm: Leaf, calls: dict[int, list[Use]]) -> tuple[keras.Layer | None, str | None]:
    """Returns the layer whose output only this one uses; or None, and the reason."""
    holder = norm.nodes[-2]
    if isinstance(holder, ConvNormActivation):
        return holder._stages[0], None
    here = calls.get(id(norm.layer), [])
    if not here:
        return None, f"is called by the code of {plain_class(holder).__name__}, not by a graph"
    if len(here) > 1:
        return None, "is called more than once"
    use = here[0]
    source = getattr(use.source, "operation", None)
    if not isinstance(source, keras.Layer) or plain_class(source) not in CONVOLUTIONAL:
        name = "an input" if source is None else f"{type(source).__name__} '{source.name}'"
        return None, f"comes after {name}"
    if len(calls.get(id(source), ())) != 1:
        return None, f"comes after '{source.name}', which is called more than once"
    if use.readers > 1:
        return None, f"comes after '{source.name}', whose output is also used elsewhere"
    if has_mask(use):
        return None, "gets a mask"
    return source, None


def _unfit(norm: keras.Layer, training: set[int]) -> str | None:
    if plain_class(norm).call not in _CALLS:
        return f"is a {plain_class(norm).__name__} with a `call` of its own"
    if norm.moving_mean is None:
        return "keeps no moving statistics"
    if id(norm) in training and statistics_set(norm) is not False:
        return "is called with `training=True`"
    return None


def _mismatch(conv: keras.Layer, norm: keras.Layer) -> str | None:
    rank = len(build_shape(norm))
    channel = 1 if getattr(conv, "data_format", None) == "channels_first" else rank - 1
    if conv.activation is not keras.activations.linear:
        return f"comes after the activation of '{conv.name}'"
    if norm.axis % rank != channel:
        return f"normalizes axis {norm.axis}, which is not that of the outputs of '{conv.name}'"
    if conv.compute_dtype != norm.compute_dtype:
        return f"computes in {norm.compute_dtype}, and '{conv.name}' in {conv.compute_dtype}"
    if conv.quantization_mode is not None or getattr(conv, "lora_enabled", False):
        return f"comes after '{conv.name}', whose kernel is quantized or adapted"
    return None
