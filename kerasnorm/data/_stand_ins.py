"""Replaces damaged files by others of their class."""

import warnings
from collections.abc import Callable

import numpy as np

Read = Callable[[np.ndarray], np.ndarray]


class StandIns:
    """Finds for a file that cannot be read the next one of its label that can be.

    So that an image that turns out to be damaged in the midst of a training ends nothing and moves
    no other image.

    Args:
        rows: The numbers of the files.
        labels: Their labels.
    """

    def __init__(self, rows: np.ndarray, labels: np.ndarray) -> None:
        self._rows, self._labels = rows, labels
        self._instead: dict[int, int] = {}

    def read(self, read: Read, rows: np.ndarray) -> np.ndarray:
        """Returns what is read of these rows; warns once of each that cannot be.

        Raises:
            ValueError: If no file of a label can be read.
        """
        if self._instead:
            rows = np.array([self._instead.get(row, row) for row in rows.tolist()])
        try:
            return read(rows)
        except ValueError:
            return read(np.array([self._sound(read, row) for row in rows.tolist()]))

    def _sound(self, read: Read, row: int) -> int:
        label = self._labels[self._rows == row]
        members = self._rows[self._labels == label]
        damaged: ValueError | None = None
        for other in np.roll(members, -int(np.flatnonzero(members == row)[0])).tolist():
            try:
                read(np.array([other]))
            except ValueError as error:
                damaged = damaged or error
                continue
            if damaged is not None:
                self._instead[row] = other
                warnings.warn(f"{damaged} Another image of its class stands in.", stacklevel=2)
            return other
        raise ValueError(f"No image of a class could be decoded. {damaged}")
