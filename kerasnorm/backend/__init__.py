"""The arithmetic that every layer shares, on the backend Keras was configured with.

Each backend module has the same few names; nothing outside this folder asks which one it is.
"""

import importlib
import types
from importlib import metadata

import keras

from kerasnorm.backend._keras import (
    get_keras_mask,
    set_keras_mask,
    update_is_lost,
    update_one_by_one,
)
from kerasnorm.backend._reference import Statistics, View, apply_statistics, sum_over_replicas

_MODULES = ("tensorflow", "jax", "torch")


def module_of(package: str) -> types.ModuleType:
    """Returns the module of a package that is Keras' backend's."""
    name = keras.config.backend()
    if name not in _MODULES:
        raise ImportError(
            f"kerasnorm runs on the Keras backends {', '.join(_MODULES)}. Received: {name!r}. "
            "Set the environment variable KERAS_BACKEND to one of them before importing keras."
        )
    return importlib.import_module(f"{package}._{name}")


def backend_version() -> str:
    """Returns the name and the version of Keras' backend."""
    name = keras.config.backend()
    return f"{name} {metadata.version(name)}"


_backend = module_of(__name__)
all_reduce_sum = _backend.all_reduce_sum
has_values = _backend.has_values
normalize = _backend.normalize
on_host = _backend.on_host
settle = _backend.settle

__all__ = [
    "Statistics",
    "View",
    "all_reduce_sum",
    "apply_statistics",
    "backend_version",
    "get_keras_mask",
    "has_values",
    "module_of",
    "normalize",
    "on_host",
    "set_keras_mask",
    "settle",
    "sum_over_replicas",
    "update_is_lost",
    "update_one_by_one",
]
