"""Resampling a stream: one pass, a buffer at a time."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnorm._validation import as_int
from kerasnorm.data import EpochCounter, find_members, is_dataset
from kerasnorm.data.pipelines import check_single_examples, finite, passes
from kerasnorm.imbalance.sampling._strategies import Strategy, draw, whole

_BUFFER = 1000


def is_stream(data: Any, epoch_size: int | None, buffer_size: int | None) -> bool:
    """Whether `resample` should read the data in passes rather than into memory."""
    if not is_dataset(data):
        if buffer_size is not None:
            raise ValueError(
                "`buffer_size` is for a tf.data.Dataset, which is then read as a stream. "
                f"Received: buffer_size={buffer_size!r} for {type(data).__name__}."
            )
        return False
    return buffer_size is not None or (epoch_size is not None and int(data.cardinality()) < 0)


def check_arguments(weights_by_class: bool, weights: Any, labels: Any, missing: str) -> None:
    """Refuses what needs all examples at once."""
    if labels is not None or missing != "zero" or (weights is not None and not weights_by_class):
        raise ValueError(
            "The examples of a stream are not known beforehand: `weights` should be a dict with "
            "one for each class, `labels` be left out and `missing` be 'zero'. Received: "
            f"weights={weights!r}, labels={labels!r}, missing={missing!r}."
        )


@dataclasses.dataclass(frozen=True)
class Stream:
    """A dataset of examples that is read from its beginning in every epoch.

    Each `buffer_size` examples are drawn from among themselves, in random order, so that the
    classes come up as they should by all counts of the epoch so far.
    """

    dataset: tf.data.Dataset
    strategy: Strategy
    seed: int
    num_classes: int | None
    ignore_class: int | None
    buffer_size: int | None

    def __post_init__(self) -> None:
        if self.buffer_size is not None:
            as_int("buffer_size", self.buffer_size, low=1)
        spec = check_single_examples(self.dataset)
        if spec[1].dtype == tf.string:
            raise ValueError(
                "The labels of a stream should be numbers. Received: strings; encode them in "
                "`dataset.map`, with a `tf.keras.layers.StringLookup` for example."
            )

    def batches(
        self, epoch_size: int | None, batch_size: int, counter: EpochCounter
    ) -> tf.data.Dataset:
        """Returns the dataset of batches; another pass begins where one is too short."""
        if epoch_size is None:
            epoch_size = self._length()

        def epoch_of(epoch: tf.Tensor) -> tf.data.Dataset:
            def step(state: Any, examples: Any) -> Any:
                number, size, counts = state
                inputs = [epoch, *state, examples[1]]
                size, counts, indices = tf.numpy_function(self._draw, inputs, [tf.int64] * 3)
                size, counts = tf.ensure_shape(size, []), tf.ensure_shape(counts, [None])
                indices = tf.ensure_shape(indices, [None])
                drawn = tf.nest.map_structure(lambda leaf: tf.gather(leaf, indices), examples)
                return (number + 1, size, counts), drawn

            zero = tf.zeros([], tf.int64)
            start = (zero, zero, tf.zeros([0], tf.int64))
            # no strategy yields less than it reads, so no more than this is ever needed
            needed = self.dataset.repeat().take(epoch_size)
            buffers = needed.batch(self.buffer_size or _BUFFER)
            batches = buffers.scan(start, step).rebatch(batch_size)
            return batches.enumerate().map(until_the_end)

        def until_the_end(step: tf.Tensor, batch: Any) -> Any:
            left = tf.maximum(epoch_size - step * batch_size, 0)
            return tf.nest.map_structure(lambda leaf: leaf[:left], batch)

        dataset = passes(epoch_of, counter)
        return finite(dataset, -(-epoch_size // batch_size), counter)

    def _length(self) -> int:
        size = int(self.dataset.cardinality())
        if size < 1 or self.strategy.lengthens:
            raise ValueError(
                "How long an epoch of this stream is should be said by `epoch_size`: its length "
                f"is not known, or 'repeat_factor' changes it. Received: cardinality {size}."
            )
        return size

    def _draw(
        self, epoch: np.int64, number: np.int64, size: np.int64, counts: np.ndarray, y: np.ndarray
    ) -> tuple[np.int64, np.ndarray, np.ndarray]:
        """Returns the counts with those of this buffer, and which of its examples to take."""
        weights = self.strategy.weights
        num_classes = self.num_classes if weights is None else len(weights)
        members = find_members(y, num_classes, self.ignore_class)
        added = members.counts()
        known = max(len(counts), len(added))
        counts = np.pad(counts, (0, known - len(counts)))
        counts[: len(added)] += added
        size += len(y)
        repeats = self.strategy.repeats(members, counts, int(size), int(epoch))
        drawn = whole(repeats.sum()) if self.strategy.lengthens else len(y)
        rng = np.random.default_rng([self.seed, int(epoch), int(number)])
        return np.int64(size), counts, draw(repeats, drawn, rng)
