"""Caches decoded files for all passes and subsets."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from kerasnorm._types import StrPath
from kerasnorm.data._kept_folder import kept_folder, key_of
from kerasnorm.data._kept_rows import KeptRows, Store
from kerasnorm.data._rows_in_memory import RowsInMemory
from kerasnorm.data._rows_on_disk import RowsOnDisk
from kerasnorm.data._stand_ins import StandIns

MEMORY = 2**30  # bytes, by default
DECODED = 2000  # files that are decoded to see whether they can be

Load = Callable[[str, int], np.ndarray]


class KeptFiles:
    """Files, and what is loaded of them, once for each size, whichever subset reads it first.

    Args:
        paths: The N files.
        load: Returns what is kept of a file at a size: (size, size, *channels).
        channels: The last axes of that.
        dtype: Its dtype.
        memory: Bytes that may be kept in memory, for each size. Where all that is loaded needs
            more, it is in a file that other runs find again.
        kept_in: The folder of that file, in which it is then always. None: one of the user's in
            the temporary folder.
    """

    def __init__(
        self,
        paths: np.ndarray,
        load: Load,
        channels: tuple[int, ...],
        dtype: str,
        memory: int,
        kept_in: StrPath | None = None,
    ) -> None:
        self._arguments = paths, load, channels, dtype, memory, kept_in
        self._paths, self._load, self._channels, self._dtype = paths, load, channels, dtype
        self._memory, self._kept_in = memory, kept_in
        self._rows = np.arange(len(paths))
        self._of_size: dict[int, KeptRows] = {}
        self._stand_ins: StandIns | None = None

    def subset(self, rows: Any) -> "KeptFiles":
        """Returns some of the files, which share what is kept with the others."""
        part = KeptFiles(*self._arguments)
        part._rows, part._of_size = self._rows[rows], self._of_size
        part._stand_ins = self._stand_ins
        return part

    def with_stand_ins(self, labels: np.ndarray) -> "KeptFiles":
        """Returns the same files, of which one stands in for a damaged one of its label."""
        part = self.subset(np.arange(len(self._rows)))
        part._stand_ins = StandIns(self._rows, labels)
        return part

    def read(self, indices: np.ndarray, size: int) -> np.ndarray:
        """Returns what is loaded of these files at a size, (M, size, size, *channels).

        Raises:
            ValueError: If one cannot be loaded and has no stand-in.
        """
        kept, rows = self._kept(size), self._rows[indices]
        if self._stand_ins is None:
            return kept.read(rows)
        return self._stand_ins.read(kept.read, rows)

    def readable(self, indices: np.ndarray, size: int) -> np.ndarray:
        """Returns whether each of these files can be loaded, bool (M,); what can be is kept."""
        kept = self._kept(size)

        def is_readable(row: int) -> bool:
            try:
                kept.read(np.array([row]))
            except ValueError:
                return False
            return True

        with ThreadPoolExecutor(os.cpu_count()) as threads:
            return np.array(list(threads.map(is_readable, self._rows[indices])), dtype=bool)

    def _kept(self, size: int) -> KeptRows:
        with _LOCK:
            if size not in self._of_size:
                make = partial(_load_one, self._load, self._paths, size)
                self._of_size[size] = KeptRows(make, self._store(size))
            return self._of_size[size]

    def _store(self, size: int) -> Store:
        count, shape = len(self._paths), (size, size, *self._channels)
        needed = count * int(np.prod(shape)) * np.dtype(self._dtype).itemsize
        if needed <= self._memory and self._kept_in is None:
            return RowsInMemory(count, shape, self._dtype)
        key = key_of(self._paths.tolist(), shape, self._dtype)
        return RowsOnDisk(kept_folder(self._kept_in), key, count, shape, self._dtype)


_LOCK = threading.Lock()


def _load_one(load: Load, paths: np.ndarray, size: int, row: int) -> np.ndarray:
    return load(str(paths[row]), size)
