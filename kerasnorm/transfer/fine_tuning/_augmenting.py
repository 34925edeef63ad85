"""Examples that are changed at random on their way into a model."""

import keras

from kerasnorm._validation import listed
from kerasnorm.models import Leaf, is_graph, leaves


def augmented(model: keras.Model, augmentation: keras.Layer, maps: bool) -> keras.Model:
    """Returns a model of the same layers behind a layer that changes its input in training.

    Raises:
        ValueError: if it is no layer, the labels are maps, or the model has no graph or several
            inputs.
    """
    if maps:
        raise ValueError(
            "`augmentation` changes x alone, and label maps would have to be flipped and moved "
            "with it. Change both in a Dataset, and leave `augmentation` out."
        )
    if not isinstance(augmentation, keras.Layer):
        raise ValueError(
            "`augmentation` should be a Keras layer, such as a Sequential of "
            f"keras.layers.RandomFlip and others. Received: {augmentation!r}."
        )
    if not is_graph(model) or len(model.inputs) != 1:
        raise ValueError(
            "`augmentation` needs a functional or Sequential model with one input. Received: "
            f"{type(model).__name__} '{model.name}'. Change the examples in a Dataset instead."
        )
    (given,) = model.inputs
    inputs = keras.Input(batch_shape=given.shape, dtype=given.dtype)
    return keras.Model(inputs, model(augmentation(inputs)), name="augmented")


def why_features_change(model: keras.Model, augmentation: keras.Layer | None) -> str | None:
    """Returns why features of a model's base cannot be kept, or None if they can."""
    random = [leaf.path for leaf in augmentations(model)]
    if augmentation is not None:
        random.append(augmentation.name)
    if random:
        return f"augmentation ({listed(random)}) changes the examples"
    if not is_graph(model):
        return f"'{model.name}' of class {type(model).__name__} has no graph that could be cut"
    return None


def augmentations(model: keras.Model) -> list[Leaf]:
    """Returns the random layers of a model that come before any layer with learnt weights."""
    found = []
    for leaf in leaves(model):
        if leaf.weights and not isinstance(leaf.layer, keras.layers.Normalization):
            break
        if is_random(leaf.layer):
            found.append(leaf)
    return found


def is_random(layer: keras.Layer) -> bool:
    """Returns whether a layer has a generator of random numbers, as dropout and RandomFlip do."""
    return bool(generators(layer))


def generators(layer: keras.Layer) -> list[keras.random.SeedGenerator]:
    """Returns the generators of random numbers that a layer has, not those of layers inside."""
    return [each for each in vars(layer).values() if isinstance(each, keras.random.SeedGenerator)]
