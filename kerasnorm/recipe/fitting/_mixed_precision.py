"""What the layers of a model compute in while a recipe trains it."""

import keras

from kerasnorm.models import copy_model, every_layer, head_and_after, is_graph
from kerasnorm.recipe._recipe import Recipe


def with_mixed_precision(model: keras.Model, recipe: Recipe) -> keras.Model:
    """Returns a model whose layers below the head compute in the recipe's precision.

    That is the model given if the recipe names none. Layers that have a policy of their own, other
    than float32, keep it.

    Raises:
        ValueError: if the model has no graph, of which the head could be told.
    """
    if recipe.mixed_precision is None:
        return model
    if not is_graph(model):
        raise ValueError(
            f"mixed_precision={recipe.mixed_precision!r} needs a functional or Sequential model. "
            f"Received: {type(model).__name__} '{model.name}'. Build its layers with "
            f"dtype='mixed_{recipe.mixed_precision}', and leave it out."
        )
    new = copy_model(model)
    head = {id(layer) for layer in head_and_after(new)}
    _set_policy(new, "float32", f"mixed_{recipe.mixed_precision}", head)
    return new


def in_float32(model: keras.Model, recipe: Recipe) -> keras.Model:
    """Returns the trained model, whose layers compute in float32 again."""
    if recipe.mixed_precision is not None:
        _set_policy(model, f"mixed_{recipe.mixed_precision}", "float32", set())
    return model


def _set_policy(model: keras.Model, old: str, new: str, kept: set[int]) -> None:
    policy = keras.DTypePolicy(new)
    for layer in (model, *(leaf.layer for leaf in every_layer(model))):
        given = isinstance(layer, keras.layers.InputLayer)  # of the dtype that images have
        if id(layer) not in kept and not given and layer.dtype_policy.name == old:
            layer.dtype_policy = policy
