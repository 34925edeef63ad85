"""Rows that are made once and kept, whatever thread reads them first."""

import os
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np


class Store(Protocol):
    """Where N rows of one shape and dtype are kept: `RowsInMemory` or `RowsOnDisk`."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a row."""

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the rows."""

    @property
    def where(self) -> str:
        """Where it is, for messages."""

    def has(self, index: int) -> bool:
        """Returns whether the row is there."""

    def get(self, index: int) -> np.ndarray:
        """Returns a row that is there."""

    def put(self, index: int, row: np.ndarray) -> bool:
        """Keeps a row; returns False if there is no room for it."""


class KeptRows:
    """N rows, each made when it is first read, whatever thread reads it.

    Args:
        make: Returns row i as an array.
        store: Where the rows are kept.

    >>> from kerasnorm.data._rows_in_memory import RowsInMemory
    >>> rows = KeptRows(lambda i: np.full(2, i), RowsInMemory(9, (2,), "int32"))
    >>> rows.read(np.array([4, 1, 4])).tolist()
    [[4, 4], [1, 1], [4, 4]]
    """

    def __init__(self, make: Callable[[int], np.ndarray], store: Store) -> None:
        self._make, self._store = make, store
        self._changed = threading.Condition()
        self._being_made: set[int] = set()
        self._full = False

    def __reduce__(self) -> tuple[Any, ...]:
        return KeptRows, (self._make, self._store)

    def read(self, indices: np.ndarray) -> np.ndarray:
        """Returns the rows of these numbers; makes those that no one has read before."""
        made = self._make_missing(np.unique(indices).tolist())
        rows = np.empty((len(indices), *self._store.shape), self._store.dtype)
        for place, index in enumerate(indices.tolist()):
            rows[place] = made[index] if index in made else self._store.get(index)
        return rows

    def _make_missing(self, wanted: list[int]) -> dict[int, np.ndarray]:
        """Makes rows, none while another thread makes it, and returns those that it made."""
        made: dict[int, np.ndarray] = {}
        while True:
            with self._changed:
                missing = [i for i in wanted if i not in made and not self._store.has(i)]
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
            if self._full or self._store.put(index, row):
                return
            self._full = True
        warnings.warn(
            f"There is no room for more decoded images in {self._store.where}: those left are "
            "decoded again in each pass. Choose a larger disk by `kept_in`, --kept-in, or the "
            "environment variable TMPDIR.",
            stacklevel=2,
        )
