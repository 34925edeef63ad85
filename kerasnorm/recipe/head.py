"""The head of a classifier: the last Dense layer, and the activation that may follow it."""

import keras

_ACTIVATIONS = (keras.layers.Activation, keras.layers.Softmax)
_PROBABILITIES = (keras.activations.softmax, keras.activations.sigmoid)


def is_graph(model: keras.Model) -> bool:
    """Returns whether a model is functional, or a built Sequential: one whose graph is known."""
    return bool(getattr(model, "outputs", None))


def find_head(model: keras.Model) -> keras.layers.Dense:
    """Returns the Dense layer that gives the model's output, up to an activation.

    Raises:
        ValueError: if the model does not end so.
    """
    layers = list(model.layers)
    while layers and isinstance(layers[-1], _ACTIVATIONS):
        layers.pop()
    last = layers[-1] if layers else model
    if isinstance(last, keras.layers.Dense) and (not is_graph(model) or len(model.outputs) == 1):
        return last
    raise ValueError(
        "A classifier should end in one Dense layer with a unit for each class, and perhaps an "
        f"activation. Received: model '{model.name}', which ends in {type(last).__name__} "
        f"'{last.name}'."
    )


def gives_logits(model: keras.Model) -> bool:
    """Returns whether the model's output is logits rather than probabilities."""
    last = model.layers[-1]
    if isinstance(last, keras.layers.Softmax):
        return False
    return last.activation not in _PROBABILITIES


def replace_head(model: keras.Model, classes: int) -> keras.Model:
    """Returns a model of the same layers below a new head of `classes` units.

    The new head has the old one's name, bias and activation, softmax in place of a sigmoid.

    Raises:
        ValueError: if the model is neither functional nor a built Sequential.
    """
    old = find_head(model)
    if not is_graph(model):
        raise ValueError(
            f"Model '{model.name}' has {old.units} outputs for {classes} classes, and a new head "
            f"can be put on functional and Sequential models only. Received: "
            f"{type(model).__name__}. Give it {classes} outputs."
        )
    binary = old.activation is keras.activations.sigmoid
    new = keras.layers.Dense(
        classes,
        activation="softmax" if binary else old.activation,
        use_bias=old.use_bias,
        dtype=old.dtype_policy,
        name=old.name,
    )
    outputs = new(old.input)
    for activation in model.layers[model.layers.index(old) + 1 :]:
        outputs = type(activation).from_config(activation.get_config())(outputs)
    return keras.Model(model.inputs[0], outputs, name=model.name)
