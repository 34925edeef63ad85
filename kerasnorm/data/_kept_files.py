"""Caches decoded files for all passes and subsets."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from kerasnorm.data._kept_rows import KeptRows
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
        memory: Bytes to keep in memory for each size; the rest are in a temporary file.
    """

    def __init__(
        self, paths: np.ndarray, load: Load, channels: tuple[int, ...], dtype: str, memory: int
    ) -> None:
        self._paths, self._load, self._channels, self._dtype = paths, load, channels, dtype
        self._memory = memory
        self._rows = np.arange(len(paths))
        self._of_size: dict[int, KeptRows] = {}
        self._stand_ins: StandIns | None = None

    def subset(self, rows: Any) -> "KeptFiles":
        """Returns some of the files, which share what is kept with the others."""
        part = KeptFiles(self._paths, self._load, self._channels, self._dtype, self._memory)
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
                shape = (size, size, *self._channels)
                make = partial(_load_one, self._load, self._paths, size)
                kept = KeptRows(make, len(self._paths), shape, self._dtype, self._memory)
                self._of_size[size] = kept
            return self._of_size[size]


_LOCK = threading.Lock()


def _load_one(load: Load, paths: np.ndarray, size: int, row: int) -> np.ndarray:
    return load(str(paths[row]), size)
