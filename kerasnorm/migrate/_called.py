"""Reads how a layer is called in a functional model of Keras 2."""

from collections.abc import Callable
from typing import Any

import keras

from kerasnorm.migrate._values import expect, short

Find = Callable[[list[Any]], keras.KerasTensor | None]
_CONSTANT = "_CONSTANT_VALUE"


def is_reference(value: Any) -> bool:
    """Returns whether a value names an output: a layer, the number of a call, and an index.

    >>> is_reference(["dense", 0, 0]), is_reference([["dense", 0, 0]])
    (True, False)
    """
    return (
        isinstance(value, list)
        and len(value) in (3, 4)
        and isinstance(value[0], str)
        and all(isinstance(n, int) and not isinstance(n, bool) for n in value[1:3])
    )


def _is_constant(value: Any) -> bool:
    return isinstance(value, list) and len(value) in (3, 4) and value[0] == _CONSTANT


def call_arguments(
    node: Any, find: Find, constants: bool = False
) -> tuple[Any, dict[str, Any]] | None:
    """Returns the first argument of a call and the others by name, None if a tensor is missing.

    Args:
        node: A call in the file: references with the other arguments in the fourth place.
        find: Returns the tensor of a reference, or None.
        constants: Whether it may be called with constants in place of outputs. Defaults to False.
    """
    if not is_reference(node) and not isinstance(node, (list, dict)):
        raise ValueError(f"A call of it should be a list in the file. Received: {short(node)}.")
    leaves = list(_references(node))
    if not leaves:
        raise ValueError("It is called with no output of another layer.")
    if not constants and any(map(_is_constant, leaves)):
        raise ValueError(
            "It is called with a constant, which no layer of Keras 3 keeps. Rebuild the model and "
            "use `load_tfa_weights`."
        )
    named = leaves[0][3] if len(leaves[0]) == 4 else {}
    named = expect(named, dict, "The arguments of a call of it")
    inputs, kwargs = _found(node, find), _found(named, find)
    if any(value is _MISSING for value in keras.tree.flatten((inputs, kwargs))):
        return None
    if isinstance(inputs, list) and len(inputs) == 1:
        inputs = inputs[0]
    return inputs, kwargs


_MISSING = object()


def _references(value: Any) -> Any:
    if is_reference(value) or _is_constant(value):
        yield value
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _references(item)
    else:
        raise ValueError(f"A call of it has {short(value)} where an output should be named.")


def _found(value: Any, find: Find) -> Any:
    if _is_constant(value):
        return value[2]
    if is_reference(value):
        tensor = find(value)
        return _MISSING if tensor is None else tensor
    if isinstance(value, dict):
        return {key: _found(item, find) for key, item in value.items()}
    return [_found(item, find) for item in value] if isinstance(value, list) else value
