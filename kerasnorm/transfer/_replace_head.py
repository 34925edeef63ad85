"""Replaces the head of a classifier."""

from typing import Any

import keras

from kerasnorm._validation import as_int
from kerasnorm.models import (
    copy_model,
    find_head,
    gives_maps,
    graph_of,
    head_and_after,
    inputs_of,
    is_graph,
)
from kerasnorm.transfer._raw_images import on_raw_images

_POOLED = (
    keras.layers.GlobalAveragePooling1D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalAveragePooling3D,
    keras.layers.GlobalMaxPooling1D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.GlobalMaxPooling3D,
    keras.layers.Flatten,
)
_OF_THE_OLD_WEIGHTS = ("_initializer", "_regularizer", "_constraint")


def replace_head(
    model: keras.Model, classes: int, *, maps: bool = False, several: bool = False
) -> keras.Model:
    """Returns a new model: a copy of a classifier whose last Dense layer is a new one.

    The new head has the old one's name, bias and activation (softmax in place of a sigmoid, or the
    other way round), and new random weights; all else has the weights and flags of the given model,
    which stays as it is.
    A backbone, a model that ends in feature maps or pooled features, gets global average pooling,
    if it has none, and a head "head" that gives logits. With `maps`, what is replaced is the last
    convolution of a model that gives label maps.

    Args:
        model: Functional model or built Sequential that ends in a Dense layer, and perhaps an
            activation, or a backbone (of keras.applications with `include_top=False`, of KerasHub).
            The layers below may be nested.
        classes: An int ≥ 1, units or filters of the new head.
        maps: Whether the classes are of pixels. The model ends in a convolution then, and perhaps
            an activation, upsampling, resizing or cropping. Defaults to False.
        several: Whether an example may have several of the classes, which a sigmoid tells.
            Defaults to False.

    Returns:
        An uncompiled functional model.

    Raises:
        ValueError: If `classes` is out of range, or the model ends otherwise, has no graph or
            cannot be copied.

    Example:

    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(10, "softmax")])
    >>> replace_head(model, 3).output_shape
    (None, 3)
    >>> scenes = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(10, 1)])
    >>> replace_head(scenes, 3).output_shape, replace_head(scenes, 3, maps=True).output_shape
    ((None, 3), (None, 8, 8, 3))

    See also:
        `kerasnorm.recipe.classifier`, which adds preprocessing too; `adapt_input`; `solve_head`.
    """
    classes = as_int("classes", classes, low=1)
    return put_new_head(copy_model(on_raw_images(model)), classes, maps, several)


def put_new_head(
    model: keras.Model, classes: int, maps: bool, several: bool = False
) -> keras.Model:
    """Returns a model of the same layers below a new head, as `replace_head` describes it."""
    if graph_of(model) is None:
        raise ValueError(
            f"A new head for {classes} classes can be put on functional and Sequential models "
            f"only. Received: '{model.name}' of class {type(model).__name__}. Give it {classes} "
            "outputs."
        )
    if maps:
        check_gives_maps(model)
    if is_backbone(model) and not maps:
        taken = any(layer.name == "head" for layer in model.layers)
        outputs = keras.layers.Dense(classes, name=None if taken else "head")(_pooled(model))
    else:
        outputs = _like_the_old(model, classes, several)
    return keras.Model(inputs_of(model), outputs, name=model.name)


def with_head(model: keras.Model, classes: int) -> keras.Model:
    """Returns the model itself, on raw images, or a copy with a head for the classes.

    A backbone gets a new head.
    """
    return replace_head(model, classes) if is_backbone(model) else on_raw_images(model)


def is_backbone(model: keras.Model) -> bool:
    """Returns whether a model gives feature maps, or what pooling has made of them."""
    if not is_graph(model) or len(model.outputs) != 1:
        return False
    last = model
    while isinstance(last, keras.Model):
        last = last.layers[-1]
    return 3 <= len(model.outputs[0].shape) <= 5 or isinstance(last, _POOLED)


def _pooled(model: keras.Model) -> Any:
    (features,) = model.outputs
    axes = len(features.shape) - 2
    return getattr(keras.layers, f"GlobalAveragePooling{axes}D")()(features) if axes else features


def check_gives_maps(model: keras.Model) -> None:
    """Refuses a model that has no output for each class at each pixel.

    Raises:
        ValueError: If it gives something else, or has the classes first.
    """
    found = f"Received: model '{model.name}' with outputs {getattr(model, 'output_shape', None)}."
    if not gives_maps(model):
        raise ValueError(
            "A model for label maps should end in one Conv2D with a filter for each class, and "
            f"perhaps an activation, upsampling, resizing or cropping. {found}"
        )
    if getattr(find_head(model), "data_format", None) == "channels_first":
        raise ValueError(f"Label maps should have the classes last, (N, H, W, K). {found}")


def _like_the_old(model: keras.Model, classes: int, several: bool) -> Any:
    """Returns the outputs of a new head in place of the old one, and of what follows it."""
    old, after = find_head(model), head_and_after(model)[1:]
    given, wanted = ("softmax", "sigmoid") if several else ("sigmoid", "softmax")
    config = {
        name: value
        for name, value in old.get_config().items()
        if not name.endswith(_OF_THE_OLD_WEIGHTS)
    }
    config["units" if "units" in config else "filters"] = classes
    if old.activation is keras.activations.get(given):
        config["activation"] = wanted
    outputs = type(old).from_config({**config, "trainable": True})(old.input)
    for layer in after:
        config = layer.get_config()
        if getattr(layer, "activation", None) is keras.activations.get(given):
            config["activation"] = wanted
        if several and isinstance(layer, keras.layers.Softmax):
            outputs = keras.layers.Activation("sigmoid", name=layer.name)(outputs)
        else:
            outputs = type(layer).from_config(config)(outputs)
    return outputs
