"""Reads and checks the arguments of `resample`, `ResampledDataset` and `sampler`."""

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from kerasnorm._validation import as_int, check_choice
from kerasnorm.data import Members, find_members, to_numpy
from kerasnorm.imbalance.sampling._strategies import Strategy, draw, whole
from kerasnorm.imbalance.weighting import ClassWeights


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """Holds which examples make up each epoch, without the examples themselves.

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
        repeats, classes = self.weights, None
        if self.members is not None:
            repeats = _repeats(self.strategy, self.members, int(epoch))
            classes = self.members.single_or_none()
        rng = np.random.default_rng([self.seed, int(epoch)])
        return draw(repeats, self.epoch_size, rng, classes)


@dataclasses.dataclass(frozen=True, eq=False)
class Drawing:
    """Holds the arguments of `resample`, `ResampledDataset` and `sampler`.

    Raises:
        ValueError: If one of them is out of range, or they do not fit one another.
    """

    strategy: str
    seed: int
    epoch_size: int | None
    weights: Any
    threshold: float | None
    labels: Any
    epochs: int
    num_classes: int | None
    ignore_class: int | None
    missing: str

    def __post_init__(self) -> None:
        as_int("seed", self.seed, low=0)
        for name in ("epoch_size", "num_classes"):
            if getattr(self, name) is not None:
                as_int(name, getattr(self, name), low=1)
        check_choice("missing", self.missing, ("error", "zero"))
        given = self.labels is not None and not self.by_class
        if self.weights is not None and (self.strategy != "class_balanced" or given):
            raise ValueError(
                "`weights` determine the sampling: pass neither `strategy` nor `labels` with them "
                "(except `labels` with a dict of weights, one per class). "
                f"Received: strategy={self.strategy!r}, labels={self.labels!r}."
            )
        _ = self.how  # refuses what it is made of

    @property
    def by_class(self) -> bool:
        """Whether `weights` has one for each class, rather than one for each example."""
        return isinstance(self.weights, Mapping)

    @cached_property
    def how(self) -> Strategy:
        """Returns how often an example is repeated, by its classes."""
        weights = ClassWeights(self.weights) if self.by_class else None
        return Strategy(self.strategy, self.threshold, self.epochs, weights)

    @property
    def classes(self) -> int | None:
        """The number of classes, as far as the arguments say it."""
        return self.num_classes if self.how.weights is None else len(self.how.weights)

    def plan(self, labels: Any, size: int) -> Plan:
        """Returns the plan for that many examples with those labels, which are checked."""
        if self.weights is not None and not self.by_class:
            shares = _given_shares(self.weights, size)
            return Plan(self.how, None, shares, self.epoch_size or size, self.seed)
        labels = labels if self.labels is None else self.labels
        members = find_members(labels, self.classes, self.ignore_class, size)
        absent = np.flatnonzero(members.counts() == 0).tolist()
        if absent and self.missing == "error":
            raise ValueError(
                f"There is no example of class {', '.join(map(str, absent))}, so none can be "
                'drawn. Pass `missing="zero"` to draw from the other classes.'
            )
        expected = _repeats(self.how, members, 0).sum()
        return Plan(self.how, members, None, self.epoch_size or whole(expected), self.seed)


def _repeats(strategy: Strategy, members: Members, epoch: int) -> np.ndarray:
    return strategy.repeats(members, members.counts(), members.size, epoch)


def _given_shares(weights: Any, size: int) -> np.ndarray:
    shares = to_numpy(weights)
    valid = shares.shape == (size,) and shares.dtype.kind in "biuf"
    if not valid or not (np.isfinite(shares) & (shares >= 0)).all() or not shares.any():
        raise ValueError(
            f"`weights` should be {size} finite numbers, one per example, not negative and not all "
            f"0; or a dict with one for each class. Received: {weights!r}."
        )
    return shares.astype(np.float64)
