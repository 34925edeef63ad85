"""Puts preprocessing, a base, pooling and a head together."""

from collections.abc import Callable
from typing import Any

import keras


def assemble(
    base: keras.Model,
    classes: int,
    preprocess: Callable[[Any], Any] | None = None,
    pool: keras.layers.Layer | None = None,
) -> keras.Model:
    """Returns preprocessing, base, pooling over all positions and a Dense head, as one model.

    Args:
        base: Takes images that are preprocessed, and gives feature maps or pooled features.
        classes: Units of the head.
        preprocess: Takes raw images; None: the base does that itself.
        pool: Layer; None: the mean of the positions, if there are any.
    """
    images = keras.Input(base.input_shape[1:], name="images")
    features = base(images if preprocess is None else preprocess(images))
    axes = len(features.shape) - 2
    if pool is None and axes:
        pool = getattr(keras.layers, f"GlobalAveragePooling{axes}D")(name="pool")
    if pool is not None:
        features = pool(features)
    logits = keras.layers.Dense(classes, name="head")(features)
    return keras.Model(images, logits, name="classifier")
