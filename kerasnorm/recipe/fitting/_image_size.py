"""The size of the images that a recipe names."""

from typing import Any

import keras
import numpy as np

from kerasnorm.imbalance import ImageFiles, SegmentationFolder
from kerasnorm.models import is_graph
from kerasnorm.recipe._recipe import Recipe
from kerasnorm.transfer import adapt_input


def adapted(model: keras.Model, recipe: Recipe) -> keras.Model:
    """Returns a model that takes images of the recipe's size: the same, or one of its weights.

    Raises:
        ValueError: if it takes no images, or cannot take others.
    """
    size = recipe.image_size
    if size is None or _takes(model, size):
        return model
    return adapt_input(model, size=size)


def resized(name: str, data: Any, recipe: Recipe) -> Any:
    """Returns images of files at the recipe's size; others should have it.

    Raises:
        ValueError: if they have not.
    """
    size = recipe.image_size
    if size is None or data is None:
        return data
    if isinstance(data, ImageFiles | SegmentationFolder):
        return data.subset(np.arange(data.size), size)
    if isinstance(data, tuple | list) and len(data) == 2:
        shape = tuple(np.shape(data[0]))
        if len(shape) == 4 and not _is_size(shape, size):
            raise ValueError(
                f"The recipe says image_size={size}, and the images of `{name}` are {shape}. "
                "Resize them with keras.ops.image.resize, or leave `image_size` out: only images "
                "in files are read at the size that it says."
            )
    return data


def _takes(model: keras.Model, size: int) -> bool:
    return is_graph(model) and _is_size(model.input_shape, size)


def _is_size(shape: tuple, size: int) -> bool:
    first = keras.config.image_data_format() == "channels_first"
    return tuple(shape[2:4] if first else shape[1:3]) == (size, size)
