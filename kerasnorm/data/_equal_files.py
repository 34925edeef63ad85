"""Finds files that are equal, byte by byte."""

import collections
import hashlib
import os
from collections.abc import Callable, Hashable, Sequence

from kerasnorm.data._peeking import peek

_TAIL = 1024  # where compressed images of one length differ


def equal_files(paths: Sequence[str]) -> list[list[int]]:
    """Returns the numbers of the files that have the same content, in groups of two or more.

    Only the ends of files are read, and only those of the same length and end are read whole.
    """
    return _same(_same([list(range(len(paths)))], paths, _length_and_end), paths, _content)


def _same(
    groups: list[list[int]], paths: Sequence[str], read: Callable[[int], Hashable]
) -> list[list[int]]:
    numbers = [number for group in groups for number in group]
    keys = iter(peek([paths[number] for number in numbers], read))
    parts = []
    for group in groups:
        found: dict[Hashable, list[int]] = collections.defaultdict(list)
        for number in group:
            key = next(keys)
            if key is not None:  # what cannot be opened is told where it is decoded
                found[key].append(number)
        parts += [same for same in found.values() if len(same) > 1]
    return parts


def _length_and_end(file: int) -> Hashable:
    size = os.lseek(file, 0, os.SEEK_END)
    os.lseek(file, max(size - _TAIL, 0), os.SEEK_SET)
    return size, hash(os.read(file, _TAIL))


def _content(file: int) -> Hashable:
    digest = hashlib.blake2b()
    while block := os.read(file, 2**20):
        digest.update(block)
    return digest.digest()
