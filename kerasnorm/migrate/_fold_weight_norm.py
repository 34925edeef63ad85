"""Replaces weight normalization by plain kernels."""

import keras

from kerasnorm.models import become, copy_model, every_layer, finish, set_flag
from kerasnorm.normalization import WeightNormalization


def fold_weight_norm(model: keras.Model) -> keras.Model:
    """Replaces weight normalizations by plain layers with the computed kernels, in a new model.

    Use it for inference and export, or to continue training without the normalization.

    Args:
        model: Built keras.Model of any kind, which is unchanged.

    Returns:
        A new model with the same outputs. A plain layer has the name and the flags of the wrapper
        that it replaces. If the model is compiled, so is the new one, with a new
        optimizer.

    Raises:
        ValueError: If the model is not built or cannot be copied; the message has the path of
            the layer.

    Example:

    >>> from kerasnorm.normalization import WeightNormalization
    >>> wrapped = WeightNormalization(keras.layers.Dense(4), name="head")
    >>> model = keras.Sequential([keras.Input((8,)), wrapped])
    >>> folded = fold_weight_norm(model)
    >>> type(folded.get_layer("head")).__name__, len(folded.weights)
    ('Dense', 2)

    See also:
        `load_tfa_model`; `kerasnorm.surgery.fold_batchnorm`.

    Reference:
        Salimans and Kingma, 2016, Weight normalization, https://arxiv.org/abs/1602.07868
    """
    new = copy_model(model)
    found = [leaf for leaf in every_layer(new) if isinstance(leaf.layer, WeightNormalization)]
    for leaf in found:
        wrapper = leaf.layer
        plain = wrapper.remove()
        plain.name = wrapper.name
        for old, twin in zip(wrapper.layer.weights, plain.weights, strict=True):
            twin.trainable = old.trainable
        set_flag(plain, wrapper.trainable and wrapper.layer.trainable)
        become(wrapper, plain)
    return finish(new, model, found, same_training=False)
