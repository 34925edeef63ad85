"""Models of raw images, 0 to 255, that start from nothing: a small ConvNet, a small U-Net."""

from typing import Any

import keras

from kerasnorm.normalization import ConvNormActivation
from kerasnorm.recipe import Recipe
from kerasnorm.recipe.classifiers import assemble

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
    return assemble(base, classes, keras.layers.Rescaling(1 / 127.5, -1), pool)


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
