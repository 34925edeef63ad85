"""Computes class frequencies from counts."""

from typing import Any

import numpy as np

from kerasnorm.data import by_class
from kerasnorm.imbalance.counting import ClassCounts


def log_shares(counts: Any, num_classes: int | None = None) -> np.ndarray:
    """Returns log π in float64, (K,), of classes that all have examples.

    Raises:
        ValueError: If counts are none, of another number of classes, or 0.
    """
    shares = as_shares("counts", counts, num_classes)
    absent = np.flatnonzero(shares == 0).tolist()
    if absent:
        raise ValueError(
            f"There is no example of class {', '.join(map(str, absent))}, so its frequency "
            "has no logarithm. Leave such classes out, or count one example of each."
        )
    return np.log(shares)


def as_shares(name: str, counts: Any, num_classes: int | None = None) -> np.ndarray:
    """Returns a ClassCounts, counts or shares as shares that sum to 1, float64 (K,)."""
    values = counts.counts if isinstance(counts, ClassCounts) else by_class(counts, name)[0]
    valid = values.ndim == 1 and values.dtype.kind in "iuf" and num_classes in (None, len(values))
    if valid and (np.isfinite(values) & (values >= 0)).all() and values.any():
        return values / values.sum(dtype=np.float64)
    expected = "K" if num_classes is None else num_classes
    raise ValueError(
        f"`{name}` should be a ClassCounts, or counts or shares of the {expected} classes: finite "
        f"numbers, not negative and not all 0. Received: {name}={counts!r}."
    )
