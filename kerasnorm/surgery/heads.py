"""The head of a classifier: its last layer with weights, and the activation that may follow it."""

import keras

_ACTIVATIONS = (keras.layers.Activation, keras.layers.Softmax)
_PROBABILITIES = (keras.activations.softmax, keras.activations.sigmoid)


def is_graph(model: keras.Model) -> bool:
    """Returns whether a model is functional, or a built Sequential: one whose graph is known."""
    return bool(getattr(model, "outputs", None))


def last_layer(model: keras.Model) -> keras.layers.Layer:
    """Returns the layer that gives the model's output, up to an activation."""
    layers = list(model.layers)
    while layers and isinstance(layers[-1], _ACTIVATIONS):
        layers.pop()
    return layers[-1] if layers else model


def find_head(model: keras.Model) -> keras.layers.Dense:
    """Returns the Dense layer that gives the model's output, up to an activation.

    Raises:
        ValueError: if the model does not end so.
    """
    last = last_layer(model)
    if isinstance(last, keras.layers.Dense) and (not is_graph(model) or len(model.outputs) == 1):
        return last
    raise ValueError(
        "A classifier should end in one Dense layer with a unit for each class, and perhaps an "
        f"activation. Received: model '{model.name}', which ends in {type(last).__name__} "
        f"'{last.name}'. `replace_head` and the argument `classes` put one on a backbone."
    )


def gives_logits(model: keras.Model) -> bool:
    """Returns whether the model's output is logits rather than probabilities."""
    last = model.layers[-1]
    if isinstance(last, keras.layers.Softmax):
        return False
    return getattr(last, "activation", None) not in _PROBABILITIES
