"""Layers that compute something else for a while."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras


@contextlib.contextmanager
def other_calls(
    layers: Iterable[keras.Layer], make: Callable[[int, keras.Layer], Callable[..., Any]]
) -> Iterator[None]:
    """Puts another function in place of each layer's `call`, and takes it away afterwards.

    Args:
        layers: The layers.
        make: Returns the function, given the layer's place among them and the layer, whose `call`
            is its own still.
    """
    layers = list(layers)
    try:
        for place, layer in enumerate(layers):
            vars(layer)["call"] = make(place, layer)
        yield
    finally:
        for layer in layers:
            vars(layer).pop("call", None)
