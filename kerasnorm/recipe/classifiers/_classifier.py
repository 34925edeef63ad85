"""`classifier`: any backbone as a classifier of raw images."""

import os
from pathlib import Path

import keras

from kerasnorm._existing import weights_file
from kerasnorm._types import StrPath
from kerasnorm._validation import as_int
from kerasnorm.models import copy_model, find_dense_head, graph_of, inputs_of, load_model
from kerasnorm.recipe.classifiers._applications import make_base, preprocessing_of
from kerasnorm.recipe.classifiers._assemble import assemble
from kerasnorm.recipe.classifiers._preprocessing import preprocessing_for
from kerasnorm.recipe.classifiers._weights import load_base_weights
from kerasnorm.transfer import adapt_input, is_backbone

_SIZE = 224


def classifier(
    backbone: str | os.PathLike[str] | keras.Model,
    classes: int,
    image_size: int | None = None,
    weights: StrPath | None = "imagenet",
) -> keras.Model:
    """Returns a classifier of raw images, pixels 0 to 255, on a pretrained backbone.

    The preprocessing of the backbone's family is part of the model, so that the saved one takes
    what a camera gives:

    | backbone | preprocessing |
    |---|---|
    | name of a keras.applications model | `preprocess_input` of its module |
    | model that begins with `Rescaling` or `Normalization` | its own, none besides |
    | given model of keras.applications, recognized by its name | `preprocess_input` |
    | KerasHub task with a preprocessor | scale and offset of its image converter |
    | any other | none: `check_input_range` says whether it fits |

    The features are pooled (mean of all positions) if they are not, and a new Dense layer "head"
    gives logits. A head that the backbone has, and what follows it, is left out.

    Args:
        backbone: Name of a keras.applications model, path of a .keras file, a KerasHub backbone or
            task, or any built functional or Sequential model of images, (H, W, C), which stays as
            it is.
        classes: An int ≥ 1, units of the head.
        image_size: An int ≥ 1, height and width. Defaults to what a model or a file takes, and to
            224 for a name.
        weights: Weights of a named backbone: "imagenet", None for new initial weights, or a file:
            .weights.h5 of the backbone, or .keras of a model that is the backbone or holds it.

    Returns:
        A functional model that is not compiled: preprocessing, the backbone as one layer, pooling
        and head.

    Raises:
        ValueError: If there is no such backbone, it takes other inputs than images, does not take
            images of that size, ends in neither features nor a Dense layer, or `weights` are given
            for a model or do not fit.
        OSError: If a file does not exist, or the weights cannot be fetched.

    Example:

    >>> model = classifier("MobileNetV2", classes=5, image_size=32, weights=None)
    >>> model.input_shape, model.output_shape, model.layers[-1].name
    ((None, 32, 32, 3), (None, 5), 'head')

    See also:
        `kerasnorm.transfer.replace_head`, which leaves the other layers as they are;
        `kerasnorm.transfer.check_input_range`; `fit`.
    """
    classes = as_int("classes", classes, low=1)
    size = None if image_size is None else as_int("image_size", image_size, low=1)
    path = None if isinstance(backbone, keras.Model) else Path(os.fspath(backbone)).expanduser()
    if path is not None and path.suffix != ".keras":
        return _on_application(os.fspath(backbone), classes, size or _SIZE, weights)
    if weights != "imagenet":
        raise ValueError(
            "`weights` are for the name of a keras.applications model; a model or a file has its "
            f"own. Received: weights={weights!r}. Leave them out."
        )
    if path is not None and not path.is_file():
        raise FileNotFoundError(f"There is no file of a model {str(path)!r}.")
    return _on_model(backbone if path is None else load_model(path), classes, size)


def _on_application(name: str, classes: int, size: int, weights: StrPath | None) -> keras.Model:
    file = None if weights is None else weights_file(os.fspath(weights), name)
    base = make_base(name, (size, size, 3), "imagenet" if weights == "imagenet" else None)
    if file is not None:
        load_base_weights(base, file)
    return assemble(base, classes, preprocessing_of(name))


def _on_model(model: keras.Model, classes: int, size: int | None) -> keras.Model:
    _check_images(model)
    base = copy_model(_without_head(model))
    if size is not None and base.input_shape[1:3] != (size, size):
        base = adapt_input(base, size=size)
    return assemble(base, classes, preprocessing_for(model))


def _check_images(model: keras.Model) -> None:
    shape = model.input_shape if graph_of(model) is not None and len(model.inputs) == 1 else None
    if shape is None or len(shape) != 4:
        taken = "no graph" if graph_of(model) is None else f"inputs of {model.input_shape}"
        raise ValueError(
            "`backbone` should be a functional or Sequential model with one input of images, "
            f"(H, W, C). Received: '{model.name}' of class {type(model).__name__} with {taken}."
        )


def _without_head(model: keras.Model) -> keras.Model:
    """Returns the model up to its features."""
    if is_backbone(model):
        return model
    return keras.Model(inputs_of(model), find_dense_head(model).input, name=model.name)
