"""Orders examples by the seed and the number of the epoch."""

from collections.abc import Callable

import numpy as np

Order = Callable[[int], np.ndarray]  # the rows of an epoch, by its number


def shuffled(size: int, seed: int) -> Order:
    """Returns all rows in an order that the seed and the number of the epoch alone decide."""
    return lambda epoch: np.random.default_rng((seed, epoch)).permutation(size)
