"""The head of a classifier: its last layer with weights, and what may follow it.

A classifier of images ends in a Dense layer, (N, K). One of pixels ends in a convolution,
(N, H, W, K), and its label maps may be made larger afterwards.
"""

import keras

_CONVOLUTIONS = (
    keras.layers.Conv2D,
    keras.layers.Conv2DTranspose,
    keras.layers.SeparableConv2D,
)
# none has weights, and each does to all classes alike
_AFTER = (
    keras.layers.Activation,
    keras.layers.Softmax,
    keras.layers.UpSampling2D,
    keras.layers.Resizing,
    keras.layers.Cropping2D,
)
_PROBABILITIES = (keras.activations.softmax, keras.activations.sigmoid)


def is_graph(model: keras.Model) -> bool:
    """Returns whether a model is functional, or a built Sequential: one whose graph is known."""
    return bool(getattr(model, "outputs", None))


def last_layer(model: keras.Model) -> keras.layers.Layer:
    """Returns the layer that gives the model's output, up to what has no weights."""
    return head_and_after(model)[0]


def head_and_after(model: keras.Model) -> list[keras.layers.Layer]:
    """Returns the layer that gives the model's output, and the activation or resizing after it."""
    layers = list(model.layers)
    end = len(layers)
    while end and isinstance(layers[end - 1], _AFTER):
        end -= 1
    return layers[end - 1 :] if end else [model]


def find_head(model: keras.Model) -> keras.layers.Layer:
    """Returns the Dense layer or the convolution that gives the model's output.

    Raises:
        ValueError: If the model does not end so.
    """
    last = last_layer(model)
    known = isinstance(last, (keras.layers.Dense, *_CONVOLUTIONS))
    if known and (not is_graph(model) or len(model.outputs) == 1):
        return last
    raise ValueError(
        "A classifier should end in one Dense layer with a unit for each class, or for label maps "
        "in one Conv2D with a filter for each, and perhaps an activation. "
        f"Received: model '{model.name}', which ends in {type(last).__name__} "
        f"'{last.name}'. `replace_head` and the argument `classes` put one on a backbone."
    )


def find_dense_head(model: keras.Model) -> keras.layers.Dense:
    """Returns the Dense layer that gives the output of a classifier of whole examples.

    Raises:
        ValueError: If the model does not end so.
    """
    head = find_head(model)
    if isinstance(head, keras.layers.Dense):
        return head
    raise ValueError(
        "This is for classifiers that end in a Dense layer. Received: model "
        f"'{model.name}', whose '{head.name}' of class {type(head).__name__} gives label maps."
    )


def classes_of(model: keras.Model) -> int:
    """Returns how many classes the head of a model has."""
    head = find_head(model)
    return head.units if isinstance(head, keras.layers.Dense) else head.filters


def gives_maps(model: keras.Model) -> bool:
    """Returns whether a model has an output for each class at each pixel, (N, H, W, K)."""
    if isinstance(find_head(model), _CONVOLUTIONS):
        return True
    return is_graph(model) and len(model.outputs[0].shape) == 4


def ends_in(model: keras.Model, activation: str) -> bool:
    """Returns whether the head, or what follows it, has an activation of that name."""
    wanted = keras.activations.get(activation)
    return any(getattr(layer, "activation", None) is wanted for layer in head_and_after(model))


def gives_logits(model: keras.Model) -> bool:
    """Returns whether the model's output is logits rather than probabilities."""
    return not any(
        isinstance(layer, keras.layers.Softmax)
        or getattr(layer, "activation", None) in _PROBABILITIES
        for layer in head_and_after(model)
    )
