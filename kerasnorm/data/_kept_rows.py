"""Caches rows in memory, and beyond a limit in a temporary file."""

import os
import shutil
import tempfile
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

_BLOCK = 2**26  # bytes that are moved to the file at once
_OF_FREE = 0.5  # the share of the free space that a file may take


class KeptRows:
    """N rows of one shape, each made when it is first read, whatever thread reads it.

    Args:
        make: Returns row i as an array.
        count: N.
        shape: Of a row.
        dtype: Of the rows.
        memory: Bytes of rows to keep in memory; the others are mapped from a temporary file.

    >>> rows = KeptRows(lambda i: np.full(2, i), 9, (2,), "int32", memory=2**20)
    >>> rows.read(np.array([4, 1, 4])).tolist()
    [[4, 4], [1, 1], [4, 4]]
    """

    def __init__(
        self,
        make: Callable[[int], np.ndarray],
        count: int,
        shape: tuple[int, ...],
        dtype: str,
        memory: int,
    ) -> None:
        self._arguments = make, count, shape, dtype, memory
        self._make, self._shape, self._dtype, self._memory = make, shape, np.dtype(dtype), memory
        self._changed = threading.Condition()
        self._being_made: set[int] = set()
        self._place = np.full(count, -1)  # of each row among those that are kept
        self._kept = 0
        each = max(int(np.prod(shape)) * self._dtype.itemsize, 1)
        self._block_rows = max(min(min(_BLOCK, memory) // each, count), 1)
        self._most_blocks = max(memory // (self._block_rows * each), 1)  # in memory
        self._blocks: list[np.ndarray] = []
        self._file: _SpillFile | None = None
        self._full = False

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy makes its rows anew."""
        return KeptRows, self._arguments

    def read(self, indices: np.ndarray) -> np.ndarray:
        """Returns the rows of these numbers; makes those that no one has read before."""
        made = self._make_missing(np.unique(indices).tolist())
        rows = np.empty((len(indices), *self._shape), self._dtype)
        for place, index in enumerate(indices.tolist()):
            rows[place] = made[index] if index in made else self._kept_row(index)
        return rows

    def _kept_row(self, index: int) -> np.ndarray:
        block, row = divmod(int(self._place[index]), self._block_rows)
        return self._blocks[block][row]

    def _make_missing(self, wanted: list[int]) -> dict[int, np.ndarray]:
        """Makes rows, none while another thread makes it, and returns those that it made."""
        made: dict[int, np.ndarray] = {}
        while True:
            with self._changed:
                missing = [i for i in wanted if i not in made and self._place[i] < 0]
                mine = [i for i in missing if i not in self._being_made]
                self._being_made.update(mine)
                if missing and not mine:
                    self._changed.wait()
            if not missing:
                return made
            try:
                for index, row in zip(mine, self._made(mine), strict=True):
                    made[index] = row
                    self._keep(index, row)
            finally:
                with self._changed:
                    self._being_made.difference_update(mine)
                    self._changed.notify_all()

    def _made(self, mine: list[int]) -> Iterator[np.ndarray]:
        if len(mine) == 1:
            yield self._make(mine[0])
            return
        # threads of this call's own, which a forked process has too
        with ThreadPoolExecutor(max(min(len(mine), os.cpu_count() or 1), 1)) as threads:
            yield from threads.map(self._make, mine)

    def _keep(self, index: int, row: np.ndarray) -> None:
        with self._changed:
            if not self._full and self._kept == len(self._blocks) * self._block_rows:
                self._add_block()
            if self._full:
                return
            self._blocks[-1][self._kept % self._block_rows] = row
            self._place[index] = self._kept
            self._kept += 1

    def _add_block(self) -> None:
        """Makes room for more rows, where there is no more memory by moving a block to the file."""
        if len(self._blocks) >= self._most_blocks:
            self._file = self._file or _SpillFile(self)
            moved = self._file.write(self._blocks[-1])
            if moved is None:
                self._full = True
                warnings.warn(
                    f"The temporary folder {tempfile.gettempdir()!r} has no room for more decoded "
                    f"images: {self._kept} are kept, and the others are decoded again in each "
                    "pass. Choose a larger one by the environment variable TMPDIR.",
                    stacklevel=2,
                )
                return
            self._blocks[-1] = moved
        self._blocks.append(np.empty((self._block_rows, *self._shape), self._dtype))


class _SpillFile:
    """A temporary file without a name, so that nothing is left of it, even after a kill."""

    def __init__(self, owner: KeptRows) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115, lives as long as its owner
        self._room = shutil.disk_usage(tempfile.gettempdir()).free * _OF_FREE
        self._size = 0
        weakref.finalize(owner, self._file.close)

    def write(self, block: np.ndarray) -> np.ndarray | None:
        """Returns the block mapped from the file, or None if it does not fit."""
        if self._size + block.nbytes > self._room:
            return None
        try:
            block.tofile(self._file)
        except OSError:  # somebody else filled the disk
            return None
        mapped = np.memmap(self._file, block.dtype, "r", self._size, block.shape)
        self._size += block.nbytes
        self._file.seek(self._size)
        return mapped
