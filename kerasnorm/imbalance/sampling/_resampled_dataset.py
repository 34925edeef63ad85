"""Resamples without tf.data."""

from typing import Any

import keras
import numpy as np

from kerasnorm._validation import as_int
from kerasnorm.data import Arrays, DatasetReader, EpochCounter, read_source
from kerasnorm.imbalance.sampling._plan import Drawing


class ResampledDataset(keras.utils.PyDataset):
    """`keras.utils.PyDataset` with the epochs of `resample`, from arrays.

    Use it on the JAX and torch backends to avoid tf.data, or to get a batch by its number:
    `dataset[i]` is batch `i` of the epoch `epoch_counter.next`, the same as in `resample` with the
    same arguments. In `fit` the next epoch begins after all batches of the current one were made.

    It has no workers, since gathering a batch is faster than sending it between them. For
    expensive work such as augmentation wrap it in a `PyDataset` of your own with workers, and use
    `FollowEpochs` in `fit`. That holds on the TensorFlow backend; on JAX and torch Keras (3.15)
    reads one batch before the first epoch, and each epoch starts with leftovers of the previous
    one.

    Args:
        data: Tuple `(x, y)` or `(x, y, w)` of arrays, in memory or `numpy.memmap`, as in
            `resample`, or a tf.data.Dataset that fits in memory.
        strategy, batch_size, seed, epoch_size, weights, threshold: As in `resample`.
        labels, epochs, num_classes, ignore_class, missing: As in `resample`.

    Raises:
        ValueError: As `resample`.

    Example:

    >>> dataset = ResampledDataset(([[0.0], [1.0], [2.0], [3.0]], [0, 0, 0, 1]), batch_size=3)
    >>> len(dataset)
    2
    >>> x, y = dataset[0]
    >>> x.shape, y.shape
    ((3, 1), (3,))

    See also:
        `resample`, the same as a tf.data.Dataset; `FollowEpochs`.
    """

    def __init__(
        self,
        data: Any,
        strategy: str = "class_balanced",
        batch_size: int = 32,
        seed: int = 0,
        epoch_size: int | None = None,
        weights: Any = None,
        threshold: float | None = None,
        labels: Any = None,
        *,
        epochs: int = 10,
        num_classes: int | None = None,
        ignore_class: int | None = None,
        missing: str = "zero",
    ) -> None:
        super().__init__()
        self._batch_size = as_int("batch_size", batch_size, low=1)
        drawing = Drawing(
            strategy=strategy,
            seed=seed,
            epoch_size=epoch_size,
            weights=weights,
            threshold=threshold,
            labels=labels,
            epochs=epochs,
            num_classes=num_classes,
            ignore_class=ignore_class,
            missing=missing,
        )
        source = read_source(data)
        if isinstance(source, DatasetReader):
            source = Arrays(source.in_memory())
        self._source = source if isinstance(source, Arrays) else Arrays(data)
        self._plan = drawing.plan(self._source.labels, self._source.size)
        self._drawn: tuple[int, np.ndarray] | None = None
        self._begun = self._made_all = False
        self.epoch_counter = EpochCounter()

    def __len__(self) -> int:
        """The batches of an epoch."""
        return -(-self._plan.epoch_size // self._batch_size)

    def __getitem__(self, index: int) -> Any:
        """Returns a batch of the epoch `epoch_counter.next`, NumPy arrays."""
        if not 0 <= index < len(self):
            raise IndexError(f"There are batches 0 to {len(self) - 1}. Received: {index}.")
        self._made_all |= index == len(self) - 1
        start = index * self._batch_size
        return self._source.batch(self._indices()[start : start + self._batch_size])

    def on_epoch_begin(self) -> None:
        """Called by `fit`."""
        self._begun = True

    def on_epoch_end(self) -> None:
        """Called by `fit`, also after it looked at one batch to build a model."""
        if self._begun and self._made_all:
            self.epoch_counter.begin()
            self._made_all = False
        self._begun = False

    def _indices(self) -> np.ndarray:
        epoch = self.epoch_counter.next
        drawn = self._drawn
        if drawn is None or drawn[0] != epoch:
            drawn = self._drawn = (epoch, self._plan.draw(epoch))
        return drawn[1]
