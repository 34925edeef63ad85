"""What is decoded of files, kept for all passes and all subsets."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from kerasnorm.data._kept_rows import KeptRows

MEMORY = 2**30  # bytes, by default

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

    def subset(self, rows: Any) -> "KeptFiles":
        """Returns some of the files, which share what is kept with the others."""
        part = KeptFiles(self._paths, self._load, self._channels, self._dtype, self._memory)
        part._rows, part._of_size = self._rows[rows], self._of_size
        return part

    def read(self, indices: np.ndarray, size: int) -> np.ndarray:
        """Returns what is loaded of these files at a size, (M, size, size, *channels)."""
        return self._kept(size).read(self._rows[indices])

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
