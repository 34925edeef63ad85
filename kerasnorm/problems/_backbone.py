"""Classifiers of raw images, 0 to 255: a small ConvNet, or a keras.applications model."""

import inspect
from collections.abc import Callable
from typing import Any
from urllib.error import URLError

import keras

from kerasnorm._existing import check_backbone
from kerasnorm.normalization import ConvNormActivation
from kerasnorm.recipe import Recipe

WIDTHS = (16, 32, 64)


def small_convnet(
    image_shape: tuple[int, int, int],
    classes: int,
    normalization: str | dict[str, Any] = "batch",
    widths: tuple[int, ...] = WIDTHS,
) -> keras.Model:
    """Returns a classifier of `ConvNormActivation` blocks that gives logits.

    Args:
        image_shape: height, width and channels.
        classes: units of the head.
        normalization: as in `ConvNormActivation`.
        widths: filters of the blocks; all but the last halve the image.

    >>> small_convnet((20, 20, 1), 5, "group").output_shape
    (None, 5)
    """
    images = keras.Input(image_shape)
    x = images
    for index, filters in enumerate(widths):
        pool = "max" if index < len(widths) - 1 else None
        block = ConvNormActivation(
            filters, 3, normalization=normalization, pool=pool, name=f"block{index + 1}"
        )
        x = block(x)
    base = keras.Model(images, x, name="small_convnet")
    # the maximum, because what counts may fill a small part of the image
    pool = keras.layers.GlobalMaxPooling2D(name="pool")
    return classifier(base, keras.layers.Rescaling(1 / 127.5, -1), pool, classes)


def small_unet(
    image_shape: tuple[int, int, int],
    classes: int,
    normalization: str | dict[str, Any] = "batch",
    widths: tuple[int, ...] = WIDTHS,
) -> keras.Model:
    """Returns a model of `ConvNormActivation` blocks that gives logits of label maps.

    Args:
        image_shape: height, width and channels.
        classes: filters of the head.
        normalization: as in `ConvNormActivation`.
        widths: filters of the blocks on the way down; all but the last halve the image.

    Raises:
        ValueError: if the image cannot be halved so often.

    >>> small_unet((20, 20, 1), 5, "group").output_shape
    (None, 20, 20, 5)
    """
    halved = 2 ** (len(widths) - 1)
    if any(size % halved for size in image_shape[:2]):
        raise ValueError(
            f"The size of the images should be a multiple of {halved}. Received: {image_shape[:2]}."
        )

    def block(x: Any, filters: int, name: str) -> Any:
        return ConvNormActivation(filters, 3, normalization=normalization, name=name)(x)

    images = keras.Input(image_shape, name="images")
    x, passed = keras.layers.Rescaling(1 / 127.5, -1)(images), []
    for index, filters in enumerate(widths):
        x = keras.layers.MaxPooling2D()(x) if index else x
        x = block(x, filters, f"down{index + 1}")
        passed.append(x)
    for index, fine in reversed(list(enumerate(passed[:-1]))):
        x = keras.layers.Concatenate()([keras.layers.UpSampling2D()(x), fine])
        x = block(x, widths[index], f"up{index + 1}")
    return keras.Model(images, keras.layers.Conv2D(classes, 1, name="head")(x), name="small_unet")


def normalization_for(recipe: Recipe) -> str | dict[str, Any]:
    """Returns the recipe's normalization for `ConvNormActivation`, batch normalization for None.

    The statistics of batch normalization get a momentum for short trainings, 0.9.
    """
    name = recipe.normalization or "batch"
    defaults = {"momentum": 0.9} if name == "batch" else {}
    settings = {**defaults, **recipe.normalization_settings}
    return {"class_name": name, "config": settings} if settings else name


def small_convnet_for(
    recipe: Recipe, image_shape: tuple[int, int, int], classes: int, **kwargs: Any
) -> keras.Model:
    """Returns the small ConvNet with the recipe's normalization."""
    return small_convnet(image_shape, classes, normalization_for(recipe), **kwargs)


def application(
    name: str, image_shape: tuple[int, int, int], classes: int, weights: str | None
) -> keras.Model:
    """Returns a classifier on the keras.applications model of that name that gives logits.

    Its own preprocessing is part of the model.

    Args:
        name: of the function, such as "MobileNetV2".
        image_shape: height, width and channels.
        classes: units of the head.
        weights: "imagenet", or None for new initial weights.

    Raises:
        ValueError: if there is no such model, or it does not take images of that shape.
        OSError: if the weights cannot be fetched.
    """
    make = application_named(name)
    try:
        base = make(include_top=False, weights=weights, input_shape=image_shape)
    except Exception as error:  # what keras.utils.get_file raises is nothing narrower
        if not isinstance(error.__context__, (URLError, ConnectionError, TimeoutError)):
            raise
        raise OSError(
            f"The {weights} weights of {name} could not be fetched: {error}. Without network give "
            "a file of weights, or none."
        ) from error
    pool = keras.layers.GlobalAveragePooling2D(name="pool")
    return classifier(base, inspect.getmodule(make).preprocess_input, pool, classes)


def application_named(name: str) -> Callable[..., keras.Model]:
    """Returns the function of keras.applications that makes the model of that name.

    Raises:
        ValueError: if there is none.
    """
    check_backbone(name)
    return getattr(keras.applications, name)


def classifier(
    base: keras.Model, preprocess: Callable[[Any], Any], pool: keras.layers.Layer, classes: int
) -> keras.Model:
    """Returns preprocessing, base, pooling over all positions and a Dense head, as one model."""
    images = keras.Input(base.input_shape[1:], name="images")
    logits = keras.layers.Dense(classes, name="head")(pool(base(preprocess(images))))
    return keras.Model(images, logits, name="classifier")
