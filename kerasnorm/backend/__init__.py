"""The arithmetic that every layer shares, on the backend Keras was configured with.

Each backend module has the same few names; nothing outside this folder asks which one it is.
"""

import importlib

import keras

from kerasnorm.backend.context import get_keras_mask, set_keras_mask, update_is_lost
from kerasnorm.backend.reductions import settle
from kerasnorm.backend.reference import Statistics, View, apply_statistics

_MODULES = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}


def _module():
    name = keras.config.backend()
    if name not in _MODULES:
        raise ImportError(
            f"kerasnorm runs on the Keras backends {', '.join(_MODULES)}. Received: {name!r}. "
            "Set the environment variable KERAS_BACKEND to one of them before importing keras."
        )
    return importlib.import_module(f"{__name__}.{_MODULES[name]}")


_backend = _module()
EngineError = _backend.EngineError
abort = _backend.abort
all_reduce_sum = _backend.all_reduce_sum
check_job = _backend.check_job
data_parallel = _backend.data_parallel
everyones = _backend.everyones
has_values = _backend.has_values
normalize = _backend.normalize
of_root = _backend.of_root
on_host = _backend.on_host
update_one_by_one = _backend.update_one_by_one

__all__ = [
    "EngineError",
    "Statistics",
    "View",
    "abort",
    "all_reduce_sum",
    "apply_statistics",
    "check_job",
    "data_parallel",
    "everyones",
    "get_keras_mask",
    "has_values",
    "normalize",
    "of_root",
    "on_host",
    "set_keras_mask",
    "settle",
    "update_is_lost",
    "update_one_by_one",
]
