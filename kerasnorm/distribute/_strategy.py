"""Chooses how this process shares its work, by TF_CONFIG and its devices."""

import contextlib
import functools
import random
import threading
from collections.abc import Iterator
from typing import Any

import keras

from kerasnorm._validation import as_number
from kerasnorm.backend import engine
from kerasnorm.distribute._cluster import Cluster, read_cluster
from kerasnorm.distribute._rendezvous import meet


def current_strategy(timeout: float = 300.0) -> Any:
    """Returns the strategy that divides the batches of this process, the same in every call.

    | where | engine |
    |---|---|
    | several devices | tf.distribute.MirroredStrategy, or on JAX keras.distribution.DataParallel |
    | several machines | tf.distribute.MultiWorkerMirroredStrategy, or the same on JAX |
    | one device | TensorFlow's default strategy, or the equivalent on other backends |

    For several machines start the same program on each, with TensorFlow's environment variable
    TF_CONFIG: all addresses, that of the chief or worker 0 first, and the index of this one. Call
    this function before anything else, so that all are connected when TensorFlow starts. They get
    the same global seeds; `keras.utils.set_random_seed` afterwards sets others, the same on all.
    If one of them ends, those that wait for it end with an error; start all again to resume.

    Args:
        timeout: Number of seconds to wait for the other machines. Defaults to 300.0.

    Returns:
        An object with a `scope()`, in which to create models, and on JAX to train them.

    Raises:
        ValueError: If TF_CONFIG is not as it should be, or names parameter servers; on torch,
            whose processes are `torch.nn.parallel.DistributedDataParallel`'s to start.
        ConnectionError: If another machine does not connect in time, or the address is in use.

    Example:

    >>> strategy = current_strategy()
    >>> with strategy.scope():
    ...     model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])

    See also:
        `prepare`; `is_chief`.
    """
    as_number("timeout", timeout, 0, interval="()")
    cluster = read_cluster()
    if cluster is None:
        return _alone()
    if cluster not in _JOBS:
        _JOBS[cluster] = _Job(cluster, timeout)
    return _JOBS[cluster].strategy


def is_chief() -> bool:
    """Returns whether this process writes the files of the job.

    Example:

    >>> is_chief()
    True

    See also:
        `current_strategy`; `from_chief`.
    """
    cluster = read_cluster()
    return cluster is None or cluster.is_chief


@contextlib.contextmanager
def naming_the_lost() -> Iterator[None]:
    """Says which process of the job has ended, where an engine says that it waits in vain.

    Raises:
        ConnectionError: That says so.
    """
    try:
        yield
    except engine.EngineError as error:
        for job in _JOBS.values():
            if job.lost.wait(_PATIENCE):
                raise ConnectionError(job.why) from error
        raise


class _Job:
    """What this process shares with those of a cluster, from their meeting on."""

    def __init__(self, cluster: Cluster, timeout: float):
        engine.check_job()
        # kept, for its connections
        self._meeting = meet(cluster, timeout, {"seed": random.SystemRandom().randrange(2**31)})
        keras.utils.set_random_seed(self._meeting.word["seed"])
        self.strategy = engine.data_parallel(cluster)
        self.lost, self.why = threading.Event(), ""
        self._meeting.watch(self._lose)

    def _lose(self, which):
        self.why = f"{which.capitalize()} has ended, and this process needs it. Start all again."
        self.lost.set()
        engine.abort(self.why)


_PATIENCE = 1.0  # seconds: an engine may notice before the meeting does
_JOBS: dict[Cluster, _Job] = {}


@functools.cache
def _alone() -> Any:
    return engine.data_parallel(None)
