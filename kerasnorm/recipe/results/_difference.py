"""Whether one way of training is ahead of another, or the held-out examples cannot say."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from kerasnorm.recipe.results._predictions import Counted

if TYPE_CHECKING:
    from kerasnorm.recipe.results._comparison import Trial

_SAMPLES = 1000


@dataclasses.dataclass(frozen=True)
class Difference:
    """A difference of two scores, and how uncertain it is.

    Attributes:
        mean: Of the seeds; positive where the first is ahead.
        low, high: The ends of its 95 % interval over the held-out examples; NaN if unknown.
        deviation: Its standard deviation over the seeds; NaN for one seed.
        ahead: The number of seeds with which the first is ahead.
        seeds: How many there are.
        examples: How many are held out.
    """

    mean: float
    low: float
    high: float
    deviation: float
    ahead: int
    seeds: int
    examples: int

    def __str__(self) -> str:
        """Returns the difference in points, and how uncertain it is."""
        points = f"{_signed(self.mean)} points"
        if self.seeds > 1:
            spread = f"± {100 * self.deviation:.1f} over {self.seeds} seeds"
            return f"{points} {spread} (ahead with {self.ahead} of them)"
        if np.isnan(self.low):
            return points
        interval = f"95 % interval {_signed(self.low)} to {_signed(self.high)}"
        return f"{points} ({interval}: {self.verdict})"

    @property
    def verdict(self) -> str:
        """What the interval says, for one seed."""
        if self.low == self.high == 0:
            return f"the same on the {self.examples:,} held-out examples"
        if self.low > 0:
            return "ahead"
        if self.high < 0:
            return "behind"
        return f"{self.examples:,} held-out examples cannot tell them apart"


def _signed(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "−")


def difference(ours: "list[Trial]", theirs: "list[Trial]") -> Difference:
    """Returns the difference of the scores of two ways of training, seed by seed.

    With one seed the interval is a bootstrap over the examples, which are the same for both.

    Reference:
        Efron & Tibshirani, 1993, An introduction to the bootstrap (paired samples)
    """
    pairs = list(zip(ours, theirs, strict=True))
    found = np.array([one.evaluation.score - other.evaluation.score for one, other in pairs])
    low, high, examples = np.nan, np.nan, 0
    if len(pairs) == 1:
        low, high, examples = _interval(*pairs[0])
    return Difference(
        float(found.mean()),
        low,
        high,
        float(found.std(ddof=1)) if len(found) > 1 else np.nan,
        int((found > 0).sum()),
        len(found),
        examples,
    )


def _interval(ours: "Trial", theirs: "Trial") -> tuple[float, float, int]:
    one, other = ours.predictions, theirs.predictions
    if one is None or other is None or not one.comparable(other):
        return np.nan, np.nan, 0
    rng, size = np.random.default_rng(0), one.size
    found = []
    for _ in range(_SAMPLES):
        weights = np.bincount(rng.integers(0, size, size), minlength=size).astype(float)
        found.append(_score(ours, one, weights) - _score(theirs, other, weights))
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high), size


def _score(trial: "Trial", counted: Counted, weights: np.ndarray) -> float:
    return counted.resampled(trial.evaluation, weights).score
