"""What `resample` and `ResampledDataset` are asked for, read and checked once."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from kerasnorm._validation import as_int, check_choice
from kerasnorm.data import Members, find_members, to_numpy
from kerasnorm.imbalance.sampling._strategies import Strategy, draw, whole
from kerasnorm.imbalance.weighting import ClassWeights


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """Which examples make up each epoch; without the examples, which are large.

    Attributes:
        strategy: Says how often each is repeated, by its classes.
        members: The classes; None where `weights` say it instead.
        weights: (N,), or None.
        epoch_size: The examples of an epoch.
        seed: Decides, with the number of the epoch.
    """

    strategy: Strategy
    members: Members | None
    weights: np.ndarray | None
    epoch_size: int
    seed: int

    def draw(self, epoch: int) -> np.ndarray:
        """Returns the indices of an epoch, int64, in order."""
        repeats = self.weights
        if self.members is not None:
            repeats = _repeats(self.strategy, self.members, int(epoch))
        return draw(repeats, self.epoch_size, np.random.default_rng([self.seed, int(epoch)]))


def make_plan(
    source: Any,
    strategy: Strategy,
    seed: int,
    epoch_size: int | None,
    weights: Any,
    labels: Any,
    num_classes: int | None,
    ignore_class: int | None,
    missing: str,
) -> Plan:
    """Checks the labels of all examples of a source, or their weights."""
    check_choice("missing", missing, ("error", "zero"))
    size = source.size
    if weights is not None and strategy.weights is None:
        shares = _given_shares(weights, size)
        return Plan(strategy, None, shares, epoch_size or size, seed)
    if strategy.weights is not None:
        num_classes = len(strategy.weights)
    members = find_members(source.labels if labels is None else labels, num_classes, ignore_class)
    if members.size != size:
        raise ValueError(
            f"There should be {size} labels, one an example. Received: {members.size}."
        )
    absent = np.flatnonzero(members.counts() == 0).tolist()
    if absent and missing == "error":
        raise ValueError(
            f"There is no example of class {', '.join(map(str, absent))}, so none can be drawn. "
            'Pass `missing="zero"` to draw from the other classes.'
        )
    expected = _repeats(strategy, members, 0).sum()
    return Plan(strategy, members, None, epoch_size or whole(expected), seed)


def read_strategy(
    name: str, threshold: float | None, epochs: int, weights: Any, labels: Any
) -> Strategy:
    """Returns what the arguments of `resample` mean by a strategy."""
    by_class = isinstance(weights, Mapping)
    if weights is not None and (name != "class_balanced" or (labels is not None and not by_class)):
        raise ValueError(
            "`weights` say everything about the sampling: pass neither `strategy` nor `labels` "
            "with them (but `labels` with a dict of them, one a class). "
            f"Received: strategy={name!r}, labels={labels!r}."
        )
    return Strategy(name, threshold, epochs, ClassWeights(weights) if by_class else None)


def read_integers(
    batch_size: int, seed: int, epoch_size: int | None, num_classes: int | None
) -> None:
    """Checks the arguments that are whole numbers."""
    as_int("batch_size", batch_size, low=1)
    as_int("seed", seed, low=0)
    for name, value in (("epoch_size", epoch_size), ("num_classes", num_classes)):
        if value is not None:
            as_int(name, value, low=1)


def _repeats(strategy: Strategy, members: Members, epoch: int) -> np.ndarray:
    return strategy.repeats(members, members.counts(), members.size, epoch)


def _given_shares(weights: Any, size: int) -> np.ndarray:
    shares = to_numpy(weights)
    valid = shares.shape == (size,) and shares.dtype.kind in "biuf"
    if not valid or not (np.isfinite(shares) & (shares >= 0)).all() or not shares.any():
        raise ValueError(
            f"`weights` should be {size} finite numbers, one an example, not negative and not all "
            f"0; or a dict with one for each class. Received: {weights!r}."
        )
    return shares.astype(np.float64)
