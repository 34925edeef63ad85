"""PyTorch: one process, as the ranks of `torch.distributed` are torch's own to start."""

import contextlib
from typing import Any

import keras
import numpy
import torch.distributed

EngineError = torch.distributed.DistError  # what a wait for another process ends with


class OneDevice:
    """Stands where other backends have a strategy."""

    def scope(self):
        """Returns a context that changes nothing."""
        return contextlib.nullcontext()


def resolve_jit(jit_compile: bool | str) -> bool | str:
    """Returns what `compile` is to be given: what it was given."""
    return jit_compile


def check_job() -> None:
    """Refuses a job of several processes: the ranks are torch's own to start."""
    raise ValueError(
        "On torch the ranks are started by `torchrun`, not by TF_CONFIG, and a model is divided "
        "among them by `torch.nn.parallel.DistributedDataParallel(model)`, in a training loop of "
        "torch's. Synchronised normalization is exact there."
    )


def data_parallel(cluster: Any) -> Any:
    """Returns what one device needs, which is nothing."""
    return OneDevice()


def abort(reason: str) -> None:
    """Has nothing to end, as there is no job of `data_parallel`."""


def of_root(value: numpy.ndarray, root: int, strategy: Any) -> numpy.ndarray:
    """Returns the array, as there is no job of `data_parallel`."""
    return value


def everyones(value: int, strategy: Any) -> numpy.ndarray:
    """Returns the integer, as there is no job of `data_parallel`."""
    return numpy.array([value])


def in_scope_of() -> Any:
    """Returns None, as there are no scopes."""


def scope_of(model: keras.Model) -> contextlib.AbstractContextManager[Any]:
    """Returns a context that changes nothing."""
    return contextlib.nullcontext()
