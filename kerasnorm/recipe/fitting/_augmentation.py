"""The changes of training images that a recipe names, as Keras' layers."""

import keras

from kerasnorm.models import is_graph
from kerasnorm.recipe._recipe import Recipe

_SHIFT, _ROTATION, _ZOOM = 0.1, 0.05, 0.2  # of the image, of a full turn, of the image


def augmentation_of(recipe: Recipe, model: keras.Model) -> keras.Layer | None:
    """Returns the layers that change images as the recipe says, or None.

    Raises:
        ValueError: if the model takes no images.
    """
    name, settings = recipe.augmentation, recipe.augmentation_settings
    if name is None:
        return None
    if is_graph(model) and len(model.input_shape) != 4:
        raise ValueError(
            f"augmentation={name!r} changes images (N, H, W, C), and the model takes inputs of "
            f"{model.input_shape}. Leave it out, or pass a layer of your own as `augmentation`."
        )
    layers: list[keras.Layer] = []
    mode = settings.get("mode", "horizontal")
    if mode is not None:
        layers.append(keras.layers.RandomFlip(mode))
    if name != "flip":
        shift = settings.get("shift", _SHIFT)
        layers.append(keras.layers.RandomTranslation(shift, shift))
    if name == "strong":
        layers.append(keras.layers.RandomRotation(settings.get("rotation", _ROTATION)))
        layers.append(keras.layers.RandomZoom(settings.get("zoom", _ZOOM)))
    return keras.Sequential(layers, name=name)
