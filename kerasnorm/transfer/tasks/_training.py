"""Holds the training settings of heads."""

import zlib
from typing import NamedTuple

import numpy as np

_LEAST = 4  # `debiased_cka` needs as many


class Training(NamedTuple):
    """Everything that a transfer depends on beside its encoders, its task and the examples."""

    validation_split: float
    epochs: int
    batch_size: int
    learning_rate: float
    seed: int

    def split(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns the indices of examples to learn from, and of those held out, at least one.

        Raises:
            ValueError: If fewer than four are left to learn from.

        >>> learn, held_out = Training(0.25, 20, 32, 3e-3, seed=0).split(8)
        >>> len(learn), len(held_out)
        (6, 2)
        """
        held_out = max(round(count * self.validation_split), 1)
        if count - held_out < _LEAST:
            raise ValueError(
                f"`validation_split` should leave at least {_LEAST} examples to learn from. "
                f"Received: validation_split={self.validation_split:g} of {count} examples."
            )
        shuffled = np.random.default_rng(self.seed).permutation(count)
        return shuffled[held_out:], shuffled[:held_out]

    def seed_of(self, target: str) -> int:
        """Returns a seed that is the same for a target in every process, whatever else there is."""
        sequence = np.random.SeedSequence([self.seed, zlib.crc32(target.encode())])
        return int(sequence.generate_state(1)[0])
