"""Rows that are kept in memory, and go with their process."""

from typing import Any

import numpy as np


class RowsInMemory:
    """A `Store` of rows that all fit in memory, which is taken as they come.

    Args:
        count: How many rows there may be.
        shape: Of a row.
        dtype: Of the rows.
    """

    where = "memory"

    def __init__(self, count: int, shape: tuple[int, ...], dtype: str) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        self._rows = np.empty((count, *shape), dtype)
        self._present = np.zeros(count, bool)

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy is empty."""
        return RowsInMemory, (len(self._rows), self.shape, self.dtype.name)

    def has(self, index: int) -> bool:
        return bool(self._present[index])

    def get(self, index: int) -> np.ndarray:
        return self._rows[index]

    def put(self, index: int, row: np.ndarray) -> bool:
        self._rows[index] = row
        self._present[index] = True
        return True
