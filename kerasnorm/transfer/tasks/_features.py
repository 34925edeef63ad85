"""Computes the features of frozen encoders, and batches of them for heads."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import keras
import numpy as np

from kerasnorm._types import StrPath
from kerasnorm.data import input_batches
from kerasnorm.transfer.fine_tuning import cache_features

_FLOAT32 = np.finfo("float32").eps
_ROWS = 1024  # read at once, of features that may not fit into memory


class Features:
    """What a frozen encoder gives for each example, each channel with mean 0 and deviation 1.

    Args:
        name: The encoder's, for messages.
        encoder: Built keras.Model with one output `(N, d)` or `(N, h, w, c)`.
        x: The examples, as the encoder takes them.
        rows: `(M,)` indices of the examples that mean and deviation are taken from.
        path: File to write to, if they need more memory than `cache_features` allows.

    Raises:
        ValueError: If the output is another, or not finite.
    """

    def __init__(
        self, name: str, encoder: keras.Model, x: Any, rows: np.ndarray, path: StrPath
    ) -> None:
        self._values = cache_features(encoder, input_batches(encoder, x, None), path)
        self.shape = check_features(name, self._values.shape)
        chunks = [np.sort(rows)[i : i + _ROWS] for i in range(0, len(rows), _ROWS)]
        self._mean = _mean_of(chunks, self._float64)
        variance = _mean_of(chunks, lambda chunk: (self._float64(chunk) - self._mean) ** 2)
        if not np.isfinite(variance).all():
            raise ValueError(
                f"The features of encoder '{name}' are not finite. Look for NaN or infinity in `x` "
                "and in the weights."
            )
        rounding = (_FLOAT32 * self._mean) ** 2  # a constant varies by no more
        self._scale = 1 / np.sqrt(np.where(variance > rounding, variance, 1))

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Returns the features of some examples, float32."""
        return ((self._float64(rows) - self._mean) * self._scale).astype("float32")

    def _float64(self, rows: np.ndarray) -> np.ndarray:
        return self._values[rows].astype(np.float64)


def _mean_of(chunks: list[np.ndarray], values: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Returns the mean of each channel over all examples and positions."""
    means = [values(chunk) for chunk in chunks]
    means = [part.mean(axis=tuple(range(part.ndim - 1))) for part in means]
    return np.average(means, axis=0, weights=[len(chunk) for chunk in chunks])


def check_features(name: str, shape: tuple[int | None, ...]) -> tuple[int, ...]:
    """Returns the shape without N of an encoder's features."""
    if len(shape) not in (2, 4):
        raise ValueError(
            f"Encoder '{name}' should give vectors (N, d) or maps (N, h, w, c) of features. "
            f"Received: shape {shape}."
        )
    return tuple(shape[1:])


def joined_shape(sources: Iterable[str], shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
    """Returns the shape of several encoders' features joined along the channels, without N."""
    parts = {name: shapes[name] for name in sources}
    if len({shape[:-1] for shape in parts.values()}) > 1:
        raise ValueError(
            "Encoders can be joined if their maps have the same height and width. Received: shapes "
            f"{parts}. Pool the larger ones, or measure transfers of order=1."
        )
    *size, _ = next(iter(parts.values()))
    return (*size, sum(shape[-1] for shape in parts.values()))


class HeadBatches:
    """Batches of features and targets; each iteration is an epoch.

    Args:
        features: Those of one encoder, or of several, which are joined along the channels.
        targets: `(N, ...)` of all examples.
        rows: Indices of the examples to give.
        batch_size: Examples per batch.
        seed: Of the order, another in each epoch, in which the examples left over by whole batches
            are left out; None: in the order of the rows, all of them.
    """

    def __init__(
        self,
        features: list[Features],
        targets: np.ndarray,
        rows: np.ndarray,
        batch_size: int,
        seed: int | None = None,
    ) -> None:
        self._features, self._targets, self._rows = features, targets, rows
        self._size = min(batch_size, len(rows))
        self._random = None if seed is None else np.random.default_rng(seed)

    def __len__(self) -> int:
        whole, left = divmod(len(self._rows), self._size)
        return whole + bool(left and self._random is None)

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        order = self._rows if self._random is None else self._random.permutation(self._rows)
        for index in range(len(self)):
            rows = order[index * self._size : (index + 1) * self._size]
            parts = [features[rows] for features in self._features]
            yield np.concatenate(parts, axis=-1), self._targets[rows]
