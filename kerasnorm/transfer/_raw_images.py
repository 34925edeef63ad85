"""Handles KerasHub tasks, which preprocess in `fit` and `predict`, outside their graph."""

import keras

from kerasnorm.models import is_graph, outputs_on


def rescaling_of(model: keras.Model) -> keras.layers.Layer | None:
    """Returns a layer for the scale and offset of a task's image converter; None without any."""
    converter = getattr(getattr(model, "preprocessor", None), "image_converter", None)
    scale, offset = getattr(converter, "scale", None), getattr(converter, "offset", None)
    if scale is None and offset is None:
        return None
    return keras.layers.Rescaling(
        1.0 if scale is None else scale, 0.0 if offset is None else offset, name="preprocessing"
    )


def on_raw_images(model: keras.Model) -> keras.Model:
    """Returns a task as a model of the same layers that preprocesses in its graph; others as is.

    So whatever takes it apart, or trains it, computes what the task's own `predict` does.
    """
    rescaling = rescaling_of(model)
    if rescaling is None or not is_graph(model):
        return model
    (given,) = model.inputs
    images = keras.Input(batch_shape=given.shape, dtype=given.dtype, name="images")
    outputs = outputs_on(
        model, rescaling(images), lambda layer: layer, lambda layer, *args, **kw: layer(*args, **kw)
    )
    return keras.Model(images, outputs, name=model.name)
