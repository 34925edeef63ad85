"""New weights for a model's layers."""

import keras

from kerasnorm.models import is_graph, leaves


def reinitialise(model: keras.Model) -> keras.Model:
    """Returns a functional or Sequential model of the same layers with new initial weights.

    What keras.layers.Normalization has learnt of the data (in EfficientNet: of ImageNet's) is
    no initial weight, and stays.
    """
    if not is_graph(model):
        raise ValueError(
            "Only functional and Sequential models can start from scratch. Received: "
            f"{type(model).__name__} '{model.name}'. Make a new one and fit that, with "
            "transfer=None in a recipe."
        )
    fresh = keras.models.clone_model(model)
    for old, new in zip(leaves(model), leaves(fresh), strict=True):
        if isinstance(old.layer, keras.layers.Normalization):
            new.layer.set_weights(old.layer.get_weights())
            new.layer.finalize_state()
    return fresh
