"""Holds the settings of a chapter: an immutable mapping that fits JSON exactly."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from kerasnorm._validation import listed


class Settings(Mapping[str, Any]):
    """An immutable, hashable mapping of names to numbers, strings, bools, None or tuples of them.

    Lists become tuples and NumPy scalars Python's, so that what JSON holds reads back equal.

    >>> Settings({"groups": np.int64(8), "axis": [1, 2]})
    {'groups': 8, 'axis': (1, 2)}
    """

    def __init__(self, items: Mapping[str, Any] | None = None) -> None:
        if items is not None and not isinstance(items, Mapping):
            raise ValueError(f"Settings should be a mapping of names. Received: {items!r}.")
        self._items = tuple((key, _plain(key, value)) for key, value in (items or {}).items())

    def __getitem__(self, key: str) -> Any:
        return dict(self._items)[key]

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self._items))

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items))

    def __repr__(self) -> str:
        return repr(dict(self._items))


def _plain(key: Any, value: Any) -> Any:
    if not isinstance(key, str):
        raise ValueError(f"The name of a setting should be a string. Received: {key!r}.")
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (list, tuple)):
        return tuple(_plain(key, item) for item in value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"A setting should be a finite number. Received: {key}={value!r}.")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError(f"A setting should be a number of 64 bits. Received: {key}={value!r}.")
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ValueError(
        "A setting should be a number, a string, a bool, None or a tuple of these, so that the "
        f"recipe can be written to a file. Received: {key}={value!r}."
    )


def check_names(chapter: str, name: Any, settings: Settings, known: list[str]) -> None:
    """Refuses settings that the chosen `name` of a chapter does not have."""
    unknown = [key for key in settings if key not in known]
    if not unknown:
        return
    if name is None:
        advice = f"give `{chapter}` a name, or no settings"
    else:
        advice = f"it has {listed(known)}" if known else "it has none"
    raise ValueError(
        f"Unknown setting of {chapter}={name!r}: {listed(unknown)}. How to fix it: {advice}."
    )
