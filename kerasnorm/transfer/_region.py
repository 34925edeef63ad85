"""Finds the layers that `until` and `above` refer to."""

import numbers
import re
from collections.abc import Callable
from typing import Any

import keras

from kerasnorm._validation import as_int, as_number, as_pattern, listed
from kerasnorm.models import Leaf

Boundary = int | float | str | re.Pattern[str] | Callable[[keras.Layer], bool]


def split(leaves: list[Leaf], name: str, boundary: Boundary) -> tuple[list[Leaf], list[Leaf]]:
    """Splits the leaves at a boundary: (those below it, those above it).

    A regex or a predicate has no below and above: both lists are the layers that match.

    Args:
        leaves: All leaves of a model, bottom up.
        name: The argument's name, for messages.
        boundary: See `kerasnorm.transfer.freeze`.

    Raises:
        ValueError: If nothing matches, several layers have the name, or it is out of range.
    """
    if isinstance(boundary, str):
        position = _position_of(leaves, name, boundary)
        if position is None:
            return _matching(
                leaves, name, as_pattern(name, boundary, "the name of a layer or a regex")
            )
    elif isinstance(boundary, re.Pattern) or _is_predicate(boundary):
        return _matching(leaves, name, boundary)
    else:
        position = _position_at(leaves, name, boundary)
    return leaves[:position], leaves[position:]


def _is_predicate(boundary: Any) -> bool:
    return callable(boundary) and not isinstance(boundary, (keras.Layer, type))


def _position_at(leaves: list[Leaf], name: str, boundary: Any) -> int:
    """Returns how many leaves the first n, or the first share, of those with weights are."""
    counted = [index for index, leaf in enumerate(leaves) if leaf.weights and not leaf.own]
    if isinstance(boundary, numbers.Real) and not isinstance(boundary, numbers.Integral):
        count = round(as_number(name, boundary, 0, 1, interval="[]") * len(counted))
    elif isinstance(boundary, numbers.Integral):
        count = as_int(name, boundary)
        if not 0 <= count <= len(counted):
            raise ValueError(
                f"`{name}` should be at most the number of layers with weights, {len(counted)}, "
                f"and not negative. Received: {name}={boundary}."
            )
    else:
        raise ValueError(
            f"`{name}` should be an int, a fraction, the name of a layer, a regex or a function "
            f"of a layer. Received: {name}={boundary!r}."
        )
    return counted[count] if count < len(counted) else len(leaves)


def _position_of(leaves: list[Leaf], name: str, key: str) -> int | None:
    """Returns how many leaves there are up to the end of the layer, model or block of that name."""
    for anywhere, block in ((False, False), (True, False), (True, True)):
        found = {}
        for index, leaf in enumerate(leaves):
            anchor = _anchor(leaf, key, anywhere, block)
            if anchor is not None:
                end = index + 1
                found.setdefault(id(anchor), leaf.path)
        if len(found) > 1:
            raise ValueError(
                f"`{name}` should name one layer. Received: {name}={key!r}, which could mean "
                f"{listed(found.values())}. Give a path, or a regex."
            )
        if found:
            return end
    return None


def _anchor(leaf: Leaf, key: str, anywhere: bool, block: bool) -> keras.Layer | None:
    """Returns the layer on the way to the leaf that has the name or path `key`.

    With `block`, returns the layer that holds the block instead, and `key` is what the names of
    the block's layers begin with, up to a "_": "conv2_block1" is in "conv2_block1_1_conv", "block5"
    also in "block5a_dwconv".
    """
    *above, last = key.split("/")
    in_block = re.compile(re.escape(last) + r"(_|(?<=\d)[a-z]_)")
    names = [node.name for node in leaf.nodes[1:]]
    starts = range(len(names) - len(above))
    for start in starts if anywhere else starts[:1]:
        end = start + len(above)
        named = in_block.match(names[end]) if block else names[end] == last
        if named and names[start:end] == above:
            return leaf.nodes[end] if block else leaf.nodes[end + 1]
    return None


def _matching(leaves: list[Leaf], name: str, boundary: Boundary) -> tuple[list[Leaf], list[Leaf]]:
    if isinstance(boundary, re.Pattern):
        chosen = [leaf for leaf in leaves if leaf.weights and boundary.search(leaf.path)]
    else:
        chosen = [leaf for leaf in leaves if leaf.weights and boundary(leaf.layer)]
    if not chosen:
        paths = [leaf.path for leaf in leaves if leaf.weights]
        raise ValueError(
            f"`{name}` matches no layer with weights. Received: {name}={boundary!r}. "
            f"The model has {listed(paths, most=20)}."
        )
    return chosen, chosen
