"""Defines how often an epoch repeats an example, for the strategies of `resample`."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from kerasnorm._validation import as_int, as_number, check_choice
from kerasnorm.data import Members
from kerasnorm.imbalance.weighting import ClassWeights, class_weights


def _weights(n: np.ndarray, scheme: str) -> np.ndarray:
    """Returns class weights that sum to the number of examples over all examples, as repeats do."""
    return class_weights(n, scheme, normalize="expected").as_numpy()


# How often an epoch repeats an example of a class, from the n examples of each class that has
# some, the N of all, how far training is (0 to 1) and the threshold; natural is 1 everywhere.
_REPEATS: dict[str, Callable[[np.ndarray, int, float, float | None], np.ndarray]] = {
    "class_balanced": lambda n, N, progress, threshold: _weights(n, "balanced"),
    "square_root": lambda n, N, progress, threshold: _weights(n, "sqrt"),
    "progressive": lambda n, N, progress, threshold: (
        1 - progress + progress * _weights(n, "balanced")
    ),
    "repeat_factor": lambda n, N, progress, threshold: np.maximum(1, np.sqrt(threshold * N / n)),
}
STRATEGIES = tuple(_REPEATS)


@dataclasses.dataclass(frozen=True)
class Strategy:
    """Determines how often an example is repeated in an epoch.

    Attributes:
        name: One of `STRATEGIES`.
        threshold: That of "repeat_factor".
        epochs: After so many "progressive" is "class_balanced".
        weights: A weight for each class, which replaces the strategy; or None.
    """

    name: str
    threshold: float | None = None
    epochs: int = 10
    weights: ClassWeights | None = None

    def __post_init__(self) -> None:
        check_choice("strategy", self.name, STRATEGIES)
        as_int("epochs", self.epochs, low=1)
        if self.name == "repeat_factor":
            as_number("threshold", self.threshold, 0, 1, interval="(]")
        elif self.threshold is not None:
            raise ValueError(
                "Only the strategy 'repeat_factor' takes a threshold. "
                f"Received: threshold={self.threshold!r}, strategy={self.name!r}."
            )

    @property
    def lengthens(self) -> bool:
        """Whether an epoch is longer than the data."""
        return self.name == "repeat_factor"

    def repeats(self, members: Members, counts: np.ndarray, size: int, epoch: int) -> np.ndarray:
        """Returns how often each example should come up, float64 (N,), 1 being natural.

        Args:
            members: The classes of the examples.
            counts: (K,) examples of each class, of these and of others that they stand for.
            size: How many examples were counted.
            epoch: The number of the epoch, from 0.
        """
        of_class = np.zeros(len(counts))
        present = counts > 0
        if self.weights is None:
            progress = min(1.0, epoch / self.epochs)
            repeats = _REPEATS[self.name](counts[present], size, progress, self.threshold)
            of_class[present] = repeats
        else:
            of_class = self.weights.as_numpy()
            total = counts @ of_class
            if not total:
                raise ValueError(
                    "At least one class that has examples should have a weight above 0. "
                    f"Received: weights={dict(self.weights)}."
                )
            of_class *= size / total
        return members.largest(of_class) if self.lengthens else of_class[members.single()]


def whole(expected: float) -> int:
    """Returns how many examples an epoch needs for that many, up to rounding errors."""
    return math.ceil(expected - 1e-6)


def draw(repeats: np.ndarray, size: int, rng: Any, classes: np.ndarray | None = None) -> np.ndarray:
    """Draws `size` indices in random order, each in proportion to its share of `repeats`.

    This is systematic sampling in a random order, class by class: an index occurs as often as its
    expected number, rounded down or up at random, and so do the examples of a class.

    Args:
        repeats: (N,), how often each should come up.
        size: How many to draw.
        rng: Decides.
        classes: (N,), the class of each; None if they have no single one.
    """
    order = rng.permutation(len(repeats))
    if classes is not None:
        order = order[np.argsort(classes[order], kind="stable")]
    cumulated = np.cumsum(repeats[order])
    # in float32 the offset is far enough below 1 that the last place is below the last sum
    places = (np.arange(size) + rng.random(dtype=np.float32)) * (cumulated[-1] / size)
    # the first index whose sum is above: never one of repeats 0
    return rng.permutation(order[np.searchsorted(cumulated, places, side="right")])
