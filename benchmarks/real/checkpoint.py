"""Reads the tensors of a torch checkpoint (the format before 1.6) without torch or its code.

Such a file is five pickles in turn (a magic number, a protocol, the system, the tensors, and the
keys of the storages), then for each storage its length and its raw numbers. The unpickler allows
only what rebuilds tensors, so a file cannot run anything.
"""

import collections
import pickle
import struct
from typing import NamedTuple

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
TYPES = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "LongStorage": "<i8"}


class Lazy(NamedTuple):
    """A tensor whose numbers come later in the file."""

    key: str
    dtype: str
    offset: int
    shape: tuple
    strides: tuple


def tensors(path):
    """The tensors of the checkpoint, by name, as NumPy arrays."""
    with path.open("rb") as file:
        if _load(file) != MAGIC:
            raise ValueError(f"{path} is not a torch checkpoint of the format before torch 1.6.")
        _load(file), _load(file)
        state = _load(file)
        dtypes = {lazy.key: lazy.dtype for lazy in state.values()}
        storages = {}
        for key in _load(file):
            (count,) = struct.unpack("<q", file.read(8))
            dtype = np.dtype(dtypes[key])
            storages[key] = np.frombuffer(file.read(count * dtype.itemsize), dtype)
    return {name: _strided(storages[lazy.key], lazy) for name, lazy in state.items()}


def _strided(storage, lazy):
    size = storage.dtype.itemsize
    bytes_apart = [stride * size for stride in lazy.strides]
    flat = storage[lazy.offset :]
    return np.lib.stride_tricks.as_strided(flat, lazy.shape, bytes_apart, writeable=False)


def _rebuild(storage, offset, shape, strides, *_):
    key, dtype = storage
    return Lazy(key, dtype, offset, shape, strides)


def _load(file):
    return _Tensors(file).load()


class _Tensors(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if module == "torch" and name in TYPES:
            return TYPES[name]
        raise pickle.UnpicklingError(f"A checkpoint of tensors has no need of {module}.{name}.")

    def persistent_load(self, saved):
        _, dtype, key, _, _, *view = saved
        if view and view[0] is not None:
            raise pickle.UnpicklingError("Views of storages are not read.")
        return key, dtype
