"""What a frozen model gives for each example, computed once."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import keras
import numpy as np

from kerasnorm._types import StrPath
from kerasnorm.models import predict_rows


def cache_features(
    model: keras.Model,
    batches: Iterable[Any],
    path: StrPath,
    limit: int = 2**30,
    total: int | None = None,
    verbose: int = 0,
) -> np.ndarray:
    """Returns what a model gives at inference for all batches of inputs, in their order.

    Args:
        model: built keras.Model with one output, (N, ...) with a fixed shape for each example.
        batches: the inputs, batch by batch, as the model takes them; at least one.
        path: file to write to once the features need more memory than `limit`. It has to stay as
            long as they are used.
        limit: bytes of features that memory may hold.
        total: how many batches there are, for the progress bar; None if that is not known.
        verbose: 1 shows a progress bar, 0 does not.

    Returns:
        Array (N, ...): in memory, or memory-mapped from the file and read-only.

    Raises:
        ValueError: if there are no batches.

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    >>> cache_features(model, [np.ones((4, 2)), np.ones((1, 2))], "unused").shape
    (5, 3)
    """
    progress = keras.utils.Progbar(total, verbose=verbose, unit_name="batch")
    store = _Store(Path(path), limit)
    count = 0
    try:
        for count, inputs in enumerate(batches, start=1):
            store.append(_as_stored(predict_rows(model, inputs)))
            progress.update(count, finalize=False)
    finally:
        store.close()
    if not count:
        raise ValueError("There should be at least one batch of examples. Received: none.")
    progress.update(count, finalize=True)
    return store.array()


class _Store:
    """Rows that are appended: in memory up to a limit, in a file beyond it."""

    def __init__(self, path: Path, limit: int):
        self._path, self._limit = path, limit
        self._parts: list[np.ndarray] = []
        self._file: BinaryIO | None = None
        self._rows = self._bytes = 0

    def append(self, rows: np.ndarray) -> None:
        self._rows, self._bytes = self._rows + len(rows), self._bytes + rows.nbytes
        self._parts.append(rows)
        if self._bytes > self._limit:
            if self._file is None:
                self._path.parent.mkdir(exist_ok=True)
                self._file = self._path.open("wb")
            for part in self._parts:
                self._file.write(part.data)
            self._parts = [rows[:0]]  # for its dtype and shape

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def array(self) -> np.ndarray:
        if self._file is None:
            return np.concatenate(self._parts)
        empty = self._parts[0]
        shape = (self._rows, *empty.shape[1:])
        return np.memmap(self._path, empty.dtype, mode="r", shape=shape)


def _as_stored(features: Any) -> np.ndarray:
    """Returns features as contiguous rows of a dtype that NumPy knows, which bfloat16 is not."""
    features = np.asarray(features)
    known = features.dtype.kind in "biuf"
    return np.ascontiguousarray(features if known else features.astype("float32"))
