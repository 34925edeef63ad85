"""Sets the `trainable` flags of layers one by one."""

from collections.abc import Iterable

import keras

from kerasnorm.models import _keras
from kerasnorm.models._leaves import sublayers


def set_trainable(layer: keras.Layer, trainable: bool, inside: bool = True) -> None:
    """Sets the flags of a layer and of its variables, and of all layers inside it or of none.

    The property would do either too much, as it recurses, or nothing at all: on TensorFlow,
    Keras skips an assignment of the value that is there, whatever the flags inside are.
    """
    _keras.set_flag(layer, trainable)
    for variable in _keras.own_trainable(layer):
        variable.trainable = trainable
    if inside:
        for child in sublayers(layer):
            set_trainable(child, trainable)


def match_flags(nodes: Iterable[keras.Layer]) -> None:
    """Sets the flags of layers, and of nothing inside, by whether any weight inside trains.

    A layer with the flag False has no trainable variables, whatever the flags inside are. One
    with the flag True and nothing trainable inside would ignore `trainable = True`.
    """
    for node in nodes:
        _keras.set_flag(node, any(weight.trainable for weight in node.weights))
