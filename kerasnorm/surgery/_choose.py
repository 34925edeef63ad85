"""Selects layers by the argument `where`."""

import re
from collections.abc import Callable

import keras

from kerasnorm._validation import as_pattern, listed
from kerasnorm.models import Leaf

Where = str | re.Pattern[str] | type | Callable[[keras.Layer], bool]


def choose(found: list[Leaf], name: str, where: Where | None) -> list[Leaf]:
    """Returns the layers that a regex on the path, a class or a predicate matches; None: all.

    Args:
        found: Layers with their paths.
        name: The argument's name, for messages.
        where: See `kerasnorm.surgery.replace_normalization`.

    Raises:
        ValueError: If it is none of these, or matches nothing.
    """
    matches = _matcher(name, where)
    chosen = [leaf for leaf in found if matches(leaf)]
    if not chosen and where is not None:
        paths = [leaf.path for leaf in found]
        raise ValueError(
            f"`{name}` matches none of the layers in question. Received: {name}={where!r}. "
            f"There are {listed(paths, most=20) or 'none'}."
        )
    return chosen


def _matcher(name: str, where: Where | None) -> Callable[[Leaf], bool]:
    if where is None:
        return lambda leaf: True
    if isinstance(where, type):
        return lambda leaf: isinstance(leaf.layer, where)
    if isinstance(where, (str, re.Pattern)):
        pattern = as_pattern(name, where)
        return lambda leaf: pattern.search(leaf.path) is not None
    if callable(where) and not isinstance(where, keras.Layer):
        return lambda leaf: bool(where(leaf.layer))
    raise ValueError(
        f"`{name}` should be a regex on the path, a class or a function of a layer. "
        f"Received: {name}={where!r}."
    )
