"""Rebuilds a model from the same layers on other inputs."""

from collections.abc import Iterator
from typing import Any

import keras

from kerasnorm.models import flag_of, graph_of, outputs_on, plain_class, readers, set_flag, uses

_CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)
_CHANNEL_BY_CHANNEL = (
    keras.layers.ZeroPadding1D,
    keras.layers.ZeroPadding2D,
    keras.layers.ZeroPadding3D,
    keras.layers.Cropping1D,
    keras.layers.Cropping2D,
    keras.layers.Cropping3D,
    keras.layers.CenterCrop,
    keras.layers.Resizing,
    keras.layers.RandomCrop,
    keras.layers.RandomFlip,
    keras.layers.RandomRotation,
    keras.layers.RandomTranslation,
    keras.layers.RandomZoom,
)


def on_inputs(
    model: keras.Model, images: Any, inputs: Any, replacements: dict[int, keras.Layer]
) -> keras.Model:
    """Returns a functional model of the same layers, in models inside too, on other inputs.

    Args:
        model: Functional or Sequential model with one input.
        images: KerasTensor, the new model's input.
        inputs: KerasTensor, computed from `images`, that the layers get.
        replacements: Layers to take in place of others, by the id of these.

    Raises:
        ValueError: If a layer cannot take what comes from such inputs.
    """
    models: dict[tuple[int, Any], keras.Model] = {}

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        inside = graph_of(layer) if isinstance(layer, keras.Model) else None
        if inside is None or len(inside.inputs) != 1:
            return layer(*args, **kwargs)
        (given,) = inside.inputs
        key = id(layer), args[0].shape
        if key not in models:
            given = keras.Input(batch_shape=args[0].shape, dtype=given.dtype, name=given.name)
            models[key] = again(layer, given, given)
        return models[key](*args, **kwargs)

    def again(old: keras.Model, start: Any, given: Any) -> keras.Model:
        outputs = outputs_on(old, given, lambda each: replacements.get(id(each), each), call)
        new = keras.Model(start, outputs, name=old.name)
        set_flag(new, flag_of(old))
        return new

    return again(model, images, inputs)


def first_convolution(model: keras.Model) -> keras.Layer | None:
    """Returns the convolution that the model's input reaches with all channels treated alike.

    None if there is none, it sees several inputs, or looks at the channels in groups.
    """
    used = uses(model)
    for operation in _way_in(model):
        if len(used.get(id(operation), ())) != 1:
            return None
        if plain_class(operation) in _CONVOLUTIONS:
            return operation if operation.groups == 1 else None
        if not _is_channel_by_channel(operation) and not isinstance(operation, keras.Model):
            return None
    return None


def _way_in(model: keras.Model) -> Iterator[Any]:
    """Yields what is called one after another from the input on, until something branches."""
    graph = graph_of(model)
    (tensor,) = graph.inputs
    while reading := readers(graph, tensor):
        operation = reading[0].operation
        yield operation if len(reading) == 1 else None
        if isinstance(operation, keras.Model):
            if graph_of(operation) is None or len(operation.inputs) != 1:
                yield None
            yield from _way_in(operation)
        tensor = reading[0].outputs[0]


def _is_channel_by_channel(operation: Any) -> bool:
    """Whether a layer does the same to each channel, and nothing but linear with a constant."""
    if isinstance(operation, keras.layers.Rescaling):
        return all(isinstance(n, (int, float)) for n in (operation.scale, operation.offset))
    return isinstance(operation, _CHANNEL_BY_CHANNEL)
