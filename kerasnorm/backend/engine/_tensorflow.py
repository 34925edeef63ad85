"""TensorFlow: the strategies of `tf.distribute`."""

import contextlib
from collections.abc import Callable
from typing import Any

import keras
import numpy
import tensorflow as tf
from tensorflow.python.eager import context as tf_context

EngineError = tf.errors.OpError  # what a wait for another process ends with


def resolve_jit(jit_compile: bool | str) -> bool | str:
    """Returns what `compile` is to be given: "auto" is XLA on a GPU alone.

    On a CPU XLA has slow depthwise convolutions and takes minutes to compile a network of them:
    three epochs of EfficientNet-Lite0 on 178 images of 96 pixels took 309 s with it and 55 to 76 s
    without, on two cores (TensorFlow 2.21).
    """
    on_gpu = bool(tf.config.list_logical_devices("GPU"))
    return on_gpu if jit_compile == "auto" else jit_compile


def check_job() -> None:
    """Lets a job of several processes begin."""


def data_parallel(cluster: Any) -> Any:
    """Returns a strategy for this process' devices, and for those of the others in a cluster."""
    if cluster is not None:
        return tf.distribute.MultiWorkerMirroredStrategy()
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    names = [device.name for device in devices]
    if len(devices) == 1:
        return tf.distribute.get_strategy()
    if devices[0].device_type == "GPU":
        return tf.distribute.MirroredStrategy(names)
    # between CPUs of one process there is nothing to send
    return tf.distribute.MirroredStrategy(names, tf.distribute.ReductionToOneDevice())


def abort(reason: str) -> None:
    """Ends what waits for other processes, with an error that says why."""
    tf_context.context().abort_collective_ops(tf.errors.UNAVAILABLE, reason)


def of_root(value: numpy.ndarray, root: int, strategy: Any) -> numpy.ndarray:
    """Returns the array that the replica with that number has, to the processes of all replicas."""

    def own(context):
        is_root = context.replica_id_in_sync_group == root
        return tf.constant(value.astype("float64") if is_root else numpy.zeros(value.shape))

    return _sum_of(own, strategy).astype(value.dtype)


def everyones(value: int, strategy: Any) -> numpy.ndarray:
    """Returns the integer that the process of each replica has given, the chief's first, (R,)."""
    replicas = strategy.num_replicas_in_sync

    def own(context):
        row = numpy.zeros(replicas)
        row[context.replica_id_in_sync_group] = value
        return tf.constant(row)

    return _sum_of(own, strategy).astype("int64")


def _sum_of(own: Callable[[Any], Any], strategy: Any) -> numpy.ndarray:
    values = strategy.experimental_distribute_values_from_function(own)
    return numpy.asarray(strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None))


def in_scope_of() -> Any:
    """Returns the strategy in whose scope this is called, or None."""
    return tf.distribute.get_strategy() if tf.distribute.has_strategy() else None


def scope_of(model: keras.Model) -> contextlib.AbstractContextManager[Any]:
    """Returns the context in which what belongs to a model is made."""
    strategy = model.distribute_strategy
    return strategy.scope() if strategy.num_replicas_in_sync > 1 else contextlib.nullcontext()
