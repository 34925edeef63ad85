"""Where the records of a TFRecord file are, and their labels; kept in a file beside it."""

import dataclasses
import os
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnorm._files import whole

Parse = Callable[[Any], tuple[Any, Any]]

# a record: its length (8 bytes), a checksum (4), the data, a checksum (4)
_HEADER, _FOOTER = 12, 4
_CHECKED = 16
_BATCH = 1024


@dataclasses.dataclass(frozen=True, eq=False)
class RecordIndex:
    """Offset, length in bytes and label of each record, int64 (N,); and the state of their file."""

    offsets: np.ndarray
    lengths: np.ndarray
    labels: np.ndarray
    state: np.ndarray  # bytes, and time of change in nanoseconds


def open_index(path: str, parse: Parse) -> RecordIndex:
    """Reads the index of a file, or makes and stores it if there is none."""
    if not os.path.isfile(path):
        raise ValueError(f"There is no TFRecord file {path!r}.")
    at = f"{path}.index.npz"
    if not os.path.exists(at):
        index = _make(path, parse)
        _store(index, at)
        return index
    with open(at, "rb") as opened, np.load(opened) as stored:
        index = RecordIndex(**{field: stored[field] for field in RecordIndex.__annotations__})
    if (index.state != _state(path)).any() or not _labels_agree(index, path, parse):
        raise ValueError(
            f"The index {at!r} is not that of {path!r} as it is now, or as it is parsed now. "
            "Delete the index, so that it is made again."
        )
    return index


def parsed_spec(parse: Parse) -> Any:
    """Returns the spec of the examples that `parse` makes of records."""
    spec = tf.data.Dataset.from_tensors("").map(parse).element_spec
    if not isinstance(spec, tuple) or len(spec) != 2:
        raise ValueError(f"`parse` should return a tuple (x, y). Received: {spec}.")
    return spec


def _make(path: str, parse: Parse) -> RecordIndex:
    state = _state(path)
    offsets, lengths = _find_records(path)
    labels = _read_labels(tf.data.TFRecordDataset(path), path, parse)
    if len(labels) != len(offsets):
        raise ValueError(f"{path!r} was changed while it was read.")
    return RecordIndex(offsets, lengths, labels, state)


def _find_records(path: str) -> tuple[np.ndarray, np.ndarray]:
    found = []
    at, end = 0, os.path.getsize(path)
    with open(path, "rb") as file:
        while at < end:
            file.seek(at)
            header = file.read(_HEADER)
            length = struct.unpack("<Q", header[:8])[0] if len(header) == _HEADER else end
            found.append((at + _HEADER, length))
            at += _HEADER + length + _FOOTER
    if not found or at != end:
        raise ValueError(
            f"{path!r} should be an uncompressed TFRecord file with at least one record. It is "
            "empty, cut off, compressed or something else."
        )
    offsets, lengths = np.array(found, np.int64).T
    return offsets, lengths


def _read_labels(records: tf.data.Dataset, path: str, parse: Parse) -> np.ndarray:
    spec = parsed_spec(parse)[1]
    if spec.shape.rank != 0 or not spec.dtype.is_integer:
        raise ValueError(
            "The y that `parse` returns should be a class number, an integer scalar. "
            f"Received: {spec}."
        )
    labels = records.map(lambda record: parse(record)[1], num_parallel_calls=tf.data.AUTOTUNE)
    try:
        found = list(labels.batch(_BATCH).as_numpy_iterator())
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
        raise ValueError(f"{path!r} could not be read: {error.message}") from error
    return np.concatenate(found).astype(np.int64)


def _labels_agree(index: RecordIndex, path: str, parse: Parse) -> bool:
    """Whether some of the records, parsed again, have the labels that are stored."""
    some = np.unique(np.linspace(0, len(index.labels) - 1, _CHECKED).astype(int))
    with open(path, "rb") as file:
        records = [
            os.pread(file.fileno(), index.lengths[i], index.offsets[i]) for i in some.tolist()
        ]
    labels = _read_labels(tf.data.Dataset.from_tensor_slices(records), path, parse)
    return bool((labels == index.labels[some]).all())


def _state(path: str) -> np.ndarray:
    status = os.stat(path)
    return np.array([status.st_size, status.st_mtime_ns])


def _store(index: RecordIndex, at: str) -> None:
    """Writes the file in one go: another process finds all of it or nothing."""
    with whole(at) as part:
        np.savez(part, **dataclasses.asdict(index))
