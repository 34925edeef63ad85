"""Finds what a custom layer holds in which attribute, as files name it."""

from collections.abc import Iterator
from typing import Any

import keras

from kerasnorm.models import plain_class, sublayers

# layers by what leads to them inside an attribute: "" if it is the layer, else "0" or "1/key"
Held = dict[str, keras.Layer]


def is_custom(layer: keras.Layer) -> bool:
    """Returns whether a layer is of a custom class."""
    package = plain_class(layer).__module__.partition(".")[0]
    return package not in ("keras", "kerasnorm")


def held_by_attributes(layer: keras.Layer) -> dict[str, Held]:
    """Returns the layers directly inside by the attributes that hold them, each once.

    In the order in which they were assigned, as Keras 2 lists their weights.
    """
    order = {id(child): index for index, child in enumerate(sublayers(layer))}
    found: dict[str, Held] = {}
    for name, value in _attributes(layer):
        layers = {key: each for key, each in _inside(value) if id(each) in order}
        if layers:
            found[name] = layers
    seen: set[int] = set()
    held: dict[str, Held] = {}
    for name in sorted(found, key=lambda name: min(order[id(x)] for x in found[name].values())):
        ids = {id(each) for each in found[name].values()}
        if not seen & ids:
            seen |= ids
            held[name] = found[name]
    return held


def _inside(value: Any, key: str = "") -> Iterator[tuple[str, keras.Layer]]:
    if isinstance(value, keras.Layer):
        yield key, value
    elif isinstance(value, (list, tuple, dict)):
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _inside(item, f"{key}/{name}".lstrip("/"))


def names_by_attributes(layer: keras.Layer) -> dict[int, list[str]]:
    """Returns the attributes that hold a layer's own weights, by the weights' ids."""
    found: dict[int, list[str]] = {}
    for name, value in _attributes(layer):
        if isinstance(value, keras.Variable):
            found.setdefault(id(value), []).append(name)
        elif isinstance(value, (list, tuple)):
            for index, each in enumerate(value):
                if isinstance(each, keras.Variable):
                    found.setdefault(id(each), []).append(f"{name}/{index}")
    return found


def _attributes(layer: keras.Layer) -> Iterator[tuple[str, Any]]:
    """Yields what a layer has beyond what every layer has, and beyond TensorFlow's own notes."""
    every = vars(keras.Layer())
    for name, value in vars(layer).items():
        if name not in every and not name.startswith("_self_"):
            yield name, value
