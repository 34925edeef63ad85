"""Which epoch a sampler is at."""


class EpochCounter:
    """The number of the epoch that a resampled dataset yields next, counted from 0.

    `resample(...).epoch_counter` and `ResampledDataset(...).epoch_counter` are one. With the seed
    it is all the state there is between epochs: keep `next`, and set it to go on from there.

    Args:
        start: The number of the first epoch.

    Example:

    >>> from kerasnorm.imbalance import resample
    >>> dataset = resample(([[0.0], [1.0], [2.0]], [0, 0, 1]), batch_size=3)
    >>> first, second = next(iter(dataset)), next(iter(dataset))
    >>> dataset.epoch_counter.next
    2
    >>> dataset.epoch_counter.next = 1
    >>> bool((next(iter(dataset))[0] == second[0]).numpy().all())
    True
    """

    def __init__(self, start: int = 0) -> None:
        self.next: int = start

    def begin(self) -> int:
        """Returns the number of the epoch that begins, and counts it."""
        self.next += 1
        return self.next - 1

    def see(self, epoch: int) -> None:
        """Goes on after that epoch, as a restored iterator does."""
        self.next = max(self.next, epoch + 1)
