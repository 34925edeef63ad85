"""Finds custom classes and functions, which a file only names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras


@dataclass(frozen=True)
class Custom:
    """Finds custom classes and functions by their names in a file.

    Attributes:
        given: Those of `custom_objects`, which come before those of `custom_object_scope` and
            before registered ones.
    """

    given: Mapping[str, Any] = field(default_factory=dict)

    def find(self, name: Any) -> Any:
        """Returns the object, None if there is none.

        Args:
            name: "MyLayer", or with the package it was registered in, "mine>MyLayer".
        """
        if not isinstance(name, str):
            return None
        keys = dict.fromkeys((name, name.rpartition(">")[2]))
        found = (source(key) for source in (self.given.get, _registered) for key in keys)
        return next((each for each in found if each is not None), None)


def _registered(name: str) -> Any:
    return keras.saving.get_registered_object(name)


def checked(custom_objects: Mapping[str, Any] | None) -> Custom:
    """Raises TypeError if there is something else in it than classes and functions by name."""
    given = {} if custom_objects is None else custom_objects
    if not isinstance(given, Mapping) or not all(
        isinstance(name, str) and callable(each) for name, each in given.items()
    ):
        raise TypeError(
            "`custom_objects` should be a dict of classes and functions by their names in the "
            f'file, {{"MyLayer": MyLayer}}. Received: {custom_objects!r}.'
        )
    return Custom(dict(given))


def line_to_write(name: str) -> str:
    """Returns the call that gives a class or function of a name.

    >>> line_to_write("mine>Glow")
    '`load_tfa_model(path, custom_objects={"Glow": Glow})`'
    """
    name = name if name.startswith("<") else name.rpartition(">")[2]
    value = name if name.isidentifier() else "your_function"
    return f'`load_tfa_model(path, custom_objects={{"{name}": {value}}})`'


Find = Callable[[str], Any]
