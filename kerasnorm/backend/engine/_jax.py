"""JAX: Keras' own distribution of batches over devices and processes."""

import contextlib
from typing import Any

import jax
import keras
import numpy
from jax.experimental import multihost_utils

EngineError = jax.errors.JaxRuntimeError  # what a wait for another process ends with


def resolve_jit(jit_compile: bool | str) -> bool | str:
    """Returns what `compile` is to be given: what it was given."""
    return jit_compile


def check_job() -> None:
    """Lets a job of several processes begin."""


def data_parallel(cluster: Any) -> Any:
    """Returns Keras' distribution of batches over this process' devices, and those of others."""
    if cluster is not None:
        keras.distribution.initialize(
            ",".join(cluster.addresses), len(cluster.addresses), cluster.index
        )
    return keras.distribution.DataParallel(devices=keras.distribution.list_devices())


def abort(reason: str) -> None:
    """Leaves it to JAX, whose own service ends the processes that are left."""


def of_root(value: numpy.ndarray, root: int, strategy: Any) -> numpy.ndarray:
    """Returns the array that the process with that number has, to all processes."""
    is_root = jax.process_index() == root
    return numpy.asarray(multihost_utils.broadcast_one_to_all(value, is_source=is_root))


def everyones(value: int, strategy: Any) -> numpy.ndarray:
    """Returns the integer that each process has given, the chief's first, (P,)."""
    return numpy.atleast_1d(multihost_utils.process_allgather(numpy.int64(value)))


def in_scope_of() -> Any:
    """Returns the distribution in whose scope this is called, or None."""
    return keras.distribution.distribution()


def scope_of(model: keras.Model) -> contextlib.AbstractContextManager[Any]:
    """Returns a context that changes nothing."""
    return contextlib.nullcontext()
