"""Reads a few bytes of many files, several at once, so that a slow disk does not hold it up."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

_THREADS, _CHUNK = 16, 512


def peek(paths: Sequence[str], read: Callable[[int], Any]) -> list[Any]:
    """Returns what is read of each file, given its descriptor; None of what cannot be opened."""
    return each_of(paths, lambda path: _peek(path, read))


def each_of(paths: Sequence[str], read: Callable[[str], Any]) -> list[Any]:
    """Returns what is read of each path."""

    def of_some(start: int) -> list[Any]:
        return [read(path) for path in paths[start : start + _CHUNK]]

    with ThreadPoolExecutor(_THREADS) as threads:
        found = threads.map(of_some, range(0, len(paths), _CHUNK))
        return [each for some in found for each in some]


def _peek(path: str, read: Callable[[int], Any]) -> Any:
    try:
        file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except OSError:
        return None
    try:
        return read(file)
    except OSError:
        return None
    finally:
        os.close(file)
