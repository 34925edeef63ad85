"""Counts the epochs of a sampler."""


class EpochCounter:
    """Number of the epoch that a resampled dataset yields next, counted from 0.

    `resample(...).epoch_counter` and `ResampledDataset(...).epoch_counter` are such counters. With
    the seed it is the complete state between epochs: save `next`, and set it to resume from there.

    Args:
        start: The number of the first epoch. Defaults to 0.

    Example:

    >>> from kerasnorm.imbalance import resample
    >>> dataset = resample(([[0.0], [1.0], [2.0]], [0, 0, 1]), batch_size=3)
    >>> first, second = next(iter(dataset)), next(iter(dataset))
    >>> dataset.epoch_counter.next
    2
    >>> dataset.epoch_counter.next = 1
    >>> bool((next(iter(dataset))[0] == second[0]).numpy().all())
    True

    See also:
        `FollowEpochs`, which sets it in `fit`; `resample`.
    """

    def __init__(self, start: int = 0) -> None:
        self.next: int = start

    def begin(self) -> int:
        """Returns the number of the epoch that begins, and counts it."""
        self.next += 1
        return self.next - 1

    def see(self, epoch: int) -> None:
        """Continues after that epoch, as a restored iterator does."""
        self.next = max(self.next, epoch + 1)
