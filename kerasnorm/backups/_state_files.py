"""Reads and writes nested values and arrays, without pickle."""

import hashlib
import json
import math
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from kerasnorm._files import whole

_CONTENT, _KIND = "content", "#"
_SUM = 32  # bytes of the checksum at the end
# what NumPy and the standard library raise for damaged archives
_DAMAGE = (
    *(OSError, ValueError, KeyError, IndexError, TypeError, EOFError, RecursionError),
    *(zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, MemoryError),
)


class BackupError(ValueError):
    """A file is no backup, or a damaged one."""


def write_state(path: Path, content: Any) -> None:
    """Writes nested values and arrays to an .npz file that is whole or absent.

    Args:
        path: The file; missing folders above it are made.
        content: None, bools, numbers, strings and NumPy arrays, in lists, tuples, sets and dicts.

    Raises:
        OSError: If it cannot be written, as on a full disk; an older file stays.
        TypeError: For any other value.
    """
    arrays: list[np.ndarray] = []
    text = json.dumps(_encoded(content, arrays), allow_nan=False)
    named = {str(index): array for index, array in enumerate(arrays)}
    named[_CONTENT] = np.frombuffer(text.encode(), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as part, part.open("w+b") as file:
        np.savez(file, **named)
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").digest()
        file.write(digest)  # behind the archive, whose own sums leave out parts of it


def read_state(path: Path) -> Any:
    """Returns what `write_state` has written.

    Raises:
        FileNotFoundError: If there is no such file.
        BackupError: If it is none, or damaged.
    """
    with path.open("rb") as opened:
        try:
            _check_sum(opened, path.stat().st_size)
            with np.load(opened, allow_pickle=False) as file:
                return _decoded(json.loads(bytes(file[_CONTENT])), file)
        except _DAMAGE as error:
            reason = str(error).splitlines() or [type(error).__name__]
            raise BackupError(
                f"The backup '{path}' is damaged: {reason[0]}. Bring one back, or remove it to "
                "start anew."
            ) from error


def _check_sum(file: BinaryIO, size: int) -> None:
    digest, left = hashlib.sha256(), size - _SUM
    while left > 0 and (chunk := file.read(min(left, 2**20))):
        digest.update(chunk)
        left -= len(chunk)
    if file.read() != digest.digest():
        raise ValueError("its checksum is another")
    file.seek(0)


def is_storable(value: Any) -> bool:
    """Returns whether `write_state` takes a value."""
    try:
        _encoded(value, [])
    except (TypeError, RecursionError):
        return False
    return True


def _encoded(value: Any, arrays: list[np.ndarray]) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        if array.dtype.kind not in "biufcSU":  # bfloat16
            array = array.astype("float32")
        arrays.append(array)
        kind = "array" if isinstance(value, np.ndarray) else "scalar"
        return {_KIND: kind, "of": len(arrays) - 1}
    if isinstance(value, float) and not math.isfinite(value):
        return {_KIND: "float", "of": str(value)}
    if isinstance(value, int | float):
        return value
    if isinstance(value, list):
        return [_encoded(each, arrays) for each in value]
    if isinstance(value, tuple | set | frozenset):
        kind = "tuple" if isinstance(value, tuple) else "set"
        return {_KIND: kind, "of": [_encoded(each, arrays) for each in value]}
    if isinstance(value, dict):
        pairs = [[_encoded(key, arrays), _encoded(each, arrays)] for key, each in value.items()]
        return {_KIND: "dict", "of": pairs}
    raise TypeError(f"A backup has no place for a {type(value).__name__}.")


def _decoded(value: Any, arrays: Any) -> Any:
    if isinstance(value, list):
        return [_decoded(each, arrays) for each in value]
    if not isinstance(value, dict):
        return value
    kind, inside = value[_KIND], value["of"]
    if kind in ("array", "scalar"):
        array = arrays[str(inside)]
        return array if kind == "array" else array[()]
    if kind == "dict":
        return {_decoded(key, arrays): _decoded(each, arrays) for key, each in inside}
    if kind == "float":
        return float(inside)
    return {"tuple": tuple, "set": set}[kind](_decoded(each, arrays) for each in inside)
