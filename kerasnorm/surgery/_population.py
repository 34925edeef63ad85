"""Computes mean and variance of a population that arrives in parts."""

import numpy as np


class Population:
    """Computes exact statistics of all values seen so far, one per channel, in float64.

    Parts are merged by the difference of their means, never by E[x²] − E[x]², so that a large mean
    causes no cancellation.

    Attributes:
        count: Number of values seen per channel.
        mean: Their mean, of shape (channels,).

    >>> population = Population()
    >>> population.add(mean=np.array([1.0]), variance=np.array([0.0]), count=np.array(3))
    >>> population.add(mean=np.array([5.0]), variance=np.array([0.0]), count=np.array(1))
    >>> population.mean, population.variance()
    (array([2.]), array([3.]))

    Reference:
        Chan, Golub and LeVeque, 1983, Algorithms for computing the sample variance,
        https://doi.org/10.1080/00031305.1983.10483115
    """

    def __init__(self) -> None:
        self.count = 0.0
        self.mean: np.ndarray | None = None
        self._squares: np.ndarray | None = None

    def add(self, mean: np.ndarray, variance: np.ndarray, count: np.ndarray) -> None:
        """Adds parts: biased statistics with the channels last or alone, and their counts."""
        counts = np.asarray(count, np.float64).reshape(-1)
        means = np.asarray(mean, np.float64).reshape(len(counts), -1)
        variances = np.asarray(variance, np.float64).reshape(len(counts), -1)
        for part in zip(means, variances, counts, strict=True):
            if part[2]:
                self._add_one(*part)

    def _add_one(self, mean: np.ndarray, variance: np.ndarray, count: float) -> None:
        if self.mean is None:
            self.mean, self._squares = np.zeros_like(mean), np.zeros_like(mean)
        total = self.count + count
        difference = mean - self.mean
        self.mean = self.mean + difference * (count / total)
        between = difference**2 * (self.count * count / total)
        self._squares = self._squares + variance * count + between
        self.count = total

    def variance(self, unbiased: bool = False) -> np.ndarray:
        """Returns Σ(x − mean)² over n, or over n − 1."""
        return self._squares / max(self.count - unbiased, 1.0)
