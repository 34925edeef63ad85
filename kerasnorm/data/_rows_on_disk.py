"""Rows that are kept in a file, mapped into memory, which other processes and later runs read."""

import json
import os
import pathlib
import threading
import weakref
import zlib
from typing import Any, BinaryIO

import numpy as np

from kerasnorm._files import whole
from kerasnorm.data._kept_folder import SUFFIX, make_room

_HEADER = _PAGE = 4096


class RowsOnDisk:
    """A `Store` of rows in the file of a key.

    The file has a header, a checksum of each row, and the rows, as far as they were written. A row
    whose checksum is another, as after a power failure, is not there. So processes that write the
    same file at once do no harm: for one key each row is the same.

    Args:
        folder: Where the file is, or is made.
        key: Names all that decides the rows.
        count: How many rows there may be.
        shape: Of a row.
        dtype: Of the rows.
    """

    def __init__(
        self, folder: pathlib.Path, key: str, count: int, shape: tuple[int, ...], dtype: str
    ) -> None:
        self._arguments = folder, key, count, shape, dtype
        self.shape, self.dtype, self.where = shape, np.dtype(dtype), repr(str(folder))
        self._each = int(np.prod(shape)) * self.dtype.itemsize
        self._first = -(-(_HEADER + 4 * count) // _PAGE) * _PAGE
        length = self._first + count * self._each
        path = folder / f"{key}{SUFFIX}"
        self._room = make_room(folder, path, length)
        description = {"key": key, "count": count, "shape": shape, "dtype": self.dtype.str}
        self._file = _opened(path, json.dumps(description).encode().ljust(_HEADER), length)
        self._sums = np.memmap(self._file, "<u4", "r", _HEADER, (count,))
        self._rows = np.memmap(self._file, self.dtype, "r", self._first, (count, *shape))
        self._sound = np.zeros(count, bool)
        self._writing = threading.Lock()
        weakref.finalize(self, self._file.close)

    def __reduce__(self) -> tuple[Any, ...]:
        return RowsOnDisk, self._arguments

    def has(self, index: int) -> bool:
        if not self._sound[index] and self._sums[index]:
            self._sound[index] = self._sums[index] == _checksum(self._rows[index])
        return bool(self._sound[index])

    def get(self, index: int) -> np.ndarray:
        return self._rows[index]

    def put(self, index: int, row: np.ndarray) -> bool:
        row = np.ascontiguousarray(row, self.dtype)
        with self._writing:
            if self._room < self._each:
                return False
            try:  # not through the map: where a disk is full, that ends the process
                self._write(row.tobytes(), self._first + index * self._each)
                self._write(np.array(_checksum(row), "<u4").tobytes(), _HEADER + 4 * index)
            except OSError:  # somebody else filled the disk
                return False
            self._room -= self._each
            self._sound[index] = True
        return True

    def _write(self, content: bytes, at: int) -> None:
        self._file.seek(at)
        while content:
            content = content[self._file.write(content) :]


def _opened(path: pathlib.Path, header: bytes, length: int) -> BinaryIO:
    """Opens the file of that header and length; makes it if it is missing, or is another."""
    try:
        file = open(path, "r+b", buffering=0)  # noqa: SIM115, lives as long as its owner
    except FileNotFoundError:
        file = None
    if file is not None:
        if os.fstat(file.fileno()).st_size == length and file.read(_HEADER) == header:
            os.utime(path)  # so that it stays
            return file
        file.close()
    with whole(path) as part, open(part, "wb") as made:
        made.write(header)
        made.truncate(length)
    return open(path, "r+b", buffering=0)


def _checksum(row: np.ndarray) -> int:
    """Returns a number from 1 up; 0 is that of rows which were never written."""
    return zlib.crc32(row) or 1
