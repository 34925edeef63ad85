"""Resamples a stream in one pass, one buffer at a time."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnorm._validation import as_int
from kerasnorm.data import DatasetReader, EpochCounter, find_members
from kerasnorm.data.pipelines import finite, passes
from kerasnorm.imbalance.sampling._plan import Drawing
from kerasnorm.imbalance.sampling._strategies import draw, whole

_BUFFER = 1000


@dataclasses.dataclass(frozen=True)
class Stream:
    """Resamples a dataset that is read from its beginning in every epoch.

    Each `buffer_size` examples are resampled among themselves, in random order, according to all
    counts of the epoch so far.
    """

    reader: DatasetReader
    drawing: Drawing
    buffer_size: int | None

    def __post_init__(self) -> None:
        if self.buffer_size is not None:
            as_int("buffer_size", self.buffer_size, low=1)
        asked = self.drawing
        of_examples = asked.weights is not None and not asked.by_class
        if asked.labels is not None or asked.missing != "zero" or of_examples:
            raise ValueError(
                "The examples of a stream are not known beforehand: pass `weights` as a dict with "
                "one for each class, no `labels`, and `missing='zero'`. Received: "
                f"weights={asked.weights!r}, labels={asked.labels!r}, missing={asked.missing!r}."
            )
        spec = self.reader.check_single_examples()
        if spec[1].dtype == tf.string:
            raise ValueError(
                "The labels of a stream should be numbers. Received: strings; encode them in "
                "`dataset.map`, with a `tf.keras.layers.StringLookup` for example."
            )

    def batches(self, batch_size: int, counter: EpochCounter) -> tf.data.Dataset:
        """Returns the dataset of batches; another pass begins where one is too short."""
        epoch_size = self.drawing.epoch_size or self._length()

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
            needed = self.reader.data.repeat().take(epoch_size)
            buffers = needed.batch(self.buffer_size or _BUFFER)
            batches = buffers.scan(start, step).rebatch(batch_size)
            return batches.enumerate().map(until_the_end)

        def until_the_end(step: tf.Tensor, batch: Any) -> Any:
            left = tf.maximum(epoch_size - step * batch_size, 0)
            return tf.nest.map_structure(lambda leaf: leaf[:left], batch)

        dataset = passes(epoch_of, counter)
        return finite(dataset, -(-epoch_size // batch_size), counter)

    def _length(self) -> int:
        if not self.reader.size or self.drawing.how.lengthens:
            raise ValueError(
                "Pass `epoch_size`, the length of an epoch of this stream: the length is unknown, "
                "or 'repeat_factor' changes it. Received: "
                f"{'unknown length' if self.reader.size is None else self.reader.size}."
            )
        return self.reader.size

    def _draw(
        self, epoch: np.int64, number: np.int64, size: np.int64, counts: np.ndarray, y: np.ndarray
    ) -> tuple[np.int64, np.ndarray, np.ndarray]:
        """Returns the counts with those of this buffer, and which of its examples to take."""
        strategy = self.drawing.how
        members = find_members(y, self.drawing.classes, self.drawing.ignore_class)
        added = members.counts()
        known = max(len(counts), len(added))
        counts = np.pad(counts, (0, known - len(counts)))
        counts[: len(added)] += added
        size += len(y)
        repeats = strategy.repeats(members, counts, int(size), int(epoch))
        drawn = whole(repeats.sum()) if strategy.lengthens else len(y)
        rng = np.random.default_rng([self.drawing.seed, int(epoch), int(number)])
        return np.int64(size), counts, draw(repeats, drawn, rng, members.single_or_none())
