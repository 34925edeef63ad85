"""What a classifier looks at: Grad-CAM."""

import keras
import numpy as np

from kerasnorm.backend import autodiff
from kerasnorm.models import calls, gives_logits, graph_of


def grad_cam(model: keras.Model, images: np.ndarray, classes: np.ndarray) -> np.ndarray | None:
    """Returns where in images there is what speaks for a class, (N, h, w), 0 to 1.

    Looked at is the last layer that gives maps of features.

    Args:
        model: a classifier of images.
        images: (N, H, W, C), as the model takes them.
        classes: (N,) ints, the class of each image that is asked about.

    Returns:
        The maps, of the size of those of features; None where the model's graph has no such layer.

    Reference:
        Selvaraju et al., 2017, Grad-CAM: visual explanations from deep networks via gradient-based
        localization, https://arxiv.org/abs/1610.02391
    """
    parts = _around_maps(model)
    if parts is None:
        return None
    below, above = parts
    features = keras.ops.convert_to_tensor(images)
    for part in below:
        features = part(features, training=False)
    logits, chosen = gives_logits(model), keras.ops.one_hot(classes, model.output_shape[-1])

    def score(maps):
        outputs = maps
        for part in above:
            outputs = part(outputs, training=False)
        outputs = keras.ops.cast(outputs, "float32")
        if not logits:
            outputs = keras.ops.log(outputs + keras.config.epsilon())
        return keras.ops.sum(outputs * keras.ops.cast(chosen, "float32"))

    slopes = np.asarray(keras.ops.convert_to_numpy(autodiff.gradient(score, features)), np.float64)
    maps = np.asarray(keras.ops.convert_to_numpy(features), np.float64)
    if keras.config.image_data_format() == "channels_first":
        maps, slopes = (np.moveaxis(each, 1, -1) for each in (maps, slopes))
    weights = slopes.mean(axis=(1, 2), keepdims=True)
    found = np.maximum((weights * maps).sum(axis=-1), 0)
    return found / np.maximum(found.max(axis=(1, 2), keepdims=True), 1e-30)


def _around_maps(model: keras.Layer) -> tuple[list[keras.Model], list[keras.Model]] | None:
    """Returns the models below and above the last maps of features, to be called in turn."""
    graph = graph_of(model)
    if graph is None or len(graph.inputs) != 1:
        return None
    for call in reversed(calls(graph)):
        (made, *others), operation = call.outputs, call.operation
        if isinstance(operation, keras.layers.InputLayer) or others:
            return None
        given = call.arguments.keras_tensors
        if _is_maps(made):
            if not _leads_to_end(graph, made):
                return None
            end = keras.Model(made, graph.outputs[0])
            return [keras.Model(graph.inputs[0], made)], [end]
        inside = _around_maps(operation) if isinstance(operation, keras.Model) else None
        if inside is not None and len(given) == 1 and _leads_to_end(graph, made):
            below, above = inside
            if made is not graph.outputs[0]:
                above = [*above, keras.Model(made, graph.outputs[0])]
            begins = isinstance(_maker(graph, given[0]), keras.layers.InputLayer)
            return [*([] if begins else [keras.Model(graph.inputs[0], given[0])]), *below], above
    return None


def _is_maps(tensor: keras.KerasTensor) -> bool:
    shape = tensor.shape
    if len(shape) != 4:
        return False
    first = keras.config.image_data_format() == "channels_first"
    return (shape[2:4] if first else shape[1:3]) != (1, 1)


def _maker(graph, tensor: keras.KerasTensor) -> keras.Operation:
    return next(c.operation for c in calls(graph) if any(out is tensor for out in c.outputs))


def _leads_to_end(graph, tensor: keras.KerasTensor) -> bool:
    """Returns whether the graph's output is made of a tensor, and of nothing beside it."""
    known = {id(tensor)}
    for call in calls(graph):
        given = call.arguments.keras_tensors
        if given and all(id(each) in known for each in given):
            known |= {id(out) for out in call.outputs}
    return id(graph.outputs[0]) in known
