"""Copies of a model whose logits are moved or stretched in its head."""

import keras
import numpy as np

from kerasnorm.models import copy_model, head_and_after

_LINEAR = ("linear", "softmax", "sigmoid")


def copy_with_head(model: keras.Model, of: str) -> tuple[keras.Model, keras.layers.Layer]:
    """Returns a copy and its head, a layer with a bias whose outputs are logits up to there.

    Args:
        model: Ends in such a layer, and perhaps an activation and what resizes label maps.
        of: What needs it, for messages.

    Raises:
        ValueError: If it ends in something else.
    """
    copied = copy_model(model)
    head, *after = head_and_after(copied)
    known = {None, *map(keras.activations.get, _LINEAR)}
    activations = {getattr(layer, "activation", None) for layer in (head, *after)}
    if getattr(head, "bias", None) is None or not activations <= known:
        raise ValueError(
            f"A model for `{of}` should end in a layer with a bias and no activation but softmax "
            f"or sigmoid. Received: model '{model.name}', which ends in {type(head).__name__} "
            f"'{head.name}'."
        )
    return copied, head


def move_bias(head: keras.layers.Layer, shift: np.ndarray) -> None:
    """Adds to the logits of a head."""
    bias = keras.ops.convert_to_numpy(head.bias)
    head.bias.assign(bias + np.broadcast_to(shift, (bias.size,)).reshape(bias.shape))
