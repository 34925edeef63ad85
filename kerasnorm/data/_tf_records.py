"""Reads examples in TFRecord files by index."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerasnorm._types import StrPath


class TFRecords:
    """Examples in uncompressed TFRecord files, for `resample`.

    Use it where the examples do not fit in memory. A TFRecord file has no index, so the first use
    makes one in one pass, and stores it next to the file as `<file>.index.npz`: the position and
    the label of each record. Then the records of a batch are read and parsed when it is made,
    several batches at once.

    Args:
        paths: A file, or several.
        parse: TensorFlow function from a serialized record, a scalar string tensor, to an example
            `(x, y)`; y is a class number.

    Attributes:
        labels: int64 (N,).
        size: N.

    Raises:
        ValueError: If a file has no record, is damaged, compressed, or was changed after it was
            indexed (by its length or time of change, or as some of its labels, parsed again, are
            others): delete the index then. If `parse` returns something else.

    Example:

    >>> import tempfile, tensorflow as tf
    >>> path = tempfile.mkstemp(".tfrecord")[1]
    >>> with tf.io.TFRecordWriter(path) as writer:
    ...     for number in (7, 8, 9):
    ...         writer.write(str(number))
    >>> def parse(record):
    ...     number = tf.strings.to_number(record, tf.int64)
    ...     return number, number % 2
    >>> from kerasnorm.imbalance import TFRecords, resample
    >>> records = TFRecords(path, parse)
    >>> records.labels
    array([1, 0, 1])
    >>> x, y = next(iter(resample(records, batch_size=3)))
    >>> sorted(set(x.numpy().tolist())) in ([7, 8], [8, 9], [7, 8, 9])
    True

    See also:
        `resample`, which draws from it; `ImageFolder`.
    """

    def __init__(
        self,
        paths: StrPath | Sequence[StrPath],
        parse: Callable[[Any], tuple[Any, Any]],
    ) -> None:
        from kerasnorm.data.pipelines import open_index

        single = isinstance(paths, str | os.PathLike)
        self._paths = [os.fspath(path) for path in ([paths] if single else paths)]
        if not self._paths:
            raise ValueError("There should be at least one TFRecord file. Received: none.")
        self._parse = parse
        indices = [open_index(path, parse) for path in self._paths]
        self._files = np.repeat(np.arange(len(indices)), [len(each.labels) for each in indices])
        self._offsets = np.concatenate([each.offsets for each in indices])
        self._lengths = np.concatenate([each.lengths for each in indices])
        self.labels: np.ndarray = np.concatenate([each.labels for each in indices])
        self.size: int = len(self.labels)

    def gatherer(self) -> Any:
        """Returns a function from a tensor of indices to a batch, for `tf.data.Dataset.map`."""
        import tensorflow as tf

        from kerasnorm.data.pipelines import parsed_spec

        spec = parsed_spec(self._parse)

        def gather(indices: Any) -> Any:
            records = tf.numpy_function(self._read, [indices], tf.string)
            records = tf.ensure_shape(records, indices.shape)
            return tf.map_fn(self._parse, records, fn_output_signature=spec)

        return gather

    def _read(self, indices: np.ndarray) -> np.ndarray:
        """Returns the serialized records, as an array of bytes objects."""
        records = np.empty(len(indices), object)
        for place, index in enumerate(indices):
            with open(self._paths[self._files[index]], "rb") as file:
                file.seek(self._offsets[index])
                records[place] = file.read(self._lengths[index])
        return records
