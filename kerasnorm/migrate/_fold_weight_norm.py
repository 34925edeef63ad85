"""`fold_weight_norm`: kernels as they are, in place of their normalization."""

import keras

from kerasnorm.models import become, copy_model, every_layer, finish, set_flag
from kerasnorm.normalization import WeightNormalization


def fold_weight_norm(model: keras.Model) -> keras.Model:
    """Returns a new model whose weight normalizations are plain layers with the kernels computed.

    For inference and export, and for training on without the normalization.

    Args:
        model: built keras.Model of any kind, which stays as it is.

    Returns:
        A new model that computes the same. A plain layer has the name of the wrapper that it
        stands for, and its flags. If the model is compiled, so is the new one, with a new
        optimizer.

    Raises:
        ValueError: if the model is not built or cannot be copied; the message has the path of
            the layer.

    Example:

    >>> from kerasnorm.normalization import WeightNormalization
    >>> wrapped = WeightNormalization(keras.layers.Dense(4), name="head")
    >>> model = keras.Sequential([keras.Input((8,)), wrapped])
    >>> folded = fold_weight_norm(model)
    >>> type(folded.get_layer("head")).__name__, len(folded.weights)
    ('Dense', 2)

    Reference:
        Salimans and Kingma, 2016, https://arxiv.org/abs/1602.07868
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
