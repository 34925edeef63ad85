"""Runs the steps of a model whose batches are divided among replicas."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from kerasnorm.backend import all_reduce_sum
from kerasnorm.distribute._keras import already_reduced, forward, track_loss

__all__ = [
    "additional_losses",
    "begins",
    "in_replica",
    "of_this_replica",
    "step_function",
    "test_step",
    "train_step",
]
Logs = dict[str, Any]


class Part:
    """What this replica has of a batch.

    Attributes:
        size: Its number of examples, a tensor of Keras' float type, no narrower than float32; may
            be 0.
        whole: The number of examples on all replicas.
    """

    def __init__(self, x: Any):
        first = next(each for each in keras.tree.flatten(x) if each is not None)
        self.size = tf.cast(tf.shape(first)[0], _wide())
        self.whole = all_reduce_sum(self.size)

    @property
    def share(self) -> tf.Tensor:
        """Returns which part of the examples this replica has."""
        return tf.math.divide_no_nan(self.size, self.whole)

    def or_zero(self, value: tf.Tensor) -> tf.Tensor:
        """Returns the value, or 0 where no example can have a part in it."""
        return tf.where(self.size > 0, value, tf.zeros_like(value))


def _wide() -> str:
    return keras.backend.result_type("float32", keras.config.floatx())


def in_replica() -> bool:
    """Returns whether this is computed on one of several replicas."""
    context = tf.distribute.get_replica_context()
    return context is not None and context.num_replicas_in_sync > 1


def begins() -> bool:
    """Returns whether this is the first of the replicas that this process has."""
    first = tf.distribute.get_strategy().extended.worker_devices[0]
    return _device() == _number(first)


def of_this_replica(losses: list[Any]) -> list[Any]:
    """Returns the penalties that were computed here; layers note those of all replicas."""
    return [loss for loss in losses if _number(loss.device) == _device()]


def _device():
    return _number(tf.constant(0).device)


def _number(device):
    spec = tf.DeviceSpec.from_string(device)
    return spec.device_type, spec.device_index


def train_step(model: keras.Model, data: Any) -> Logs:
    """Trains on a replica's part of a batch as on the whole."""
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    part = Part(x)
    with tf.GradientTape() as tape:
        y_pred = forward(model, x, training=True)
        loss = part.or_zero(_loss(model, x, y, y_pred, sample_weight, training=True))
        scaled = model.optimizer.scale_loss(loss)
    variables = model.trainable_weights
    gradients = _summed(tape.gradient(scaled, variables), part)
    with already_reduced(model.optimizer):
        model.optimizer.apply_gradients(zip(gradients, variables, strict=True))
    _track(model, loss, part)
    return model.compute_metrics(x, y, y_pred, sample_weight=sample_weight)


def test_step(model: keras.Model, data: Any) -> Logs:
    """Evaluates a replica's part of a batch."""
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    part = Part(x)
    y_pred = forward(model, x, training=False)
    loss = part.or_zero(_loss(model, x, y, y_pred, sample_weight, training=False))
    _track(model, loss, part)
    return model.compute_metrics(x, y, y_pred, sample_weight=sample_weight)


def additional_losses(model: keras.Model, x: Any) -> tf.Tensor:
    """Returns what is to be added for penalties, of which Keras takes an equal part a replica."""
    losses = [tf.reduce_sum(tf.cast(loss, _wide())) for loss in model.losses]
    if not losses:
        return tf.constant(0.0, _wide())
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    return tf.add_n(losses) * (Part(x).share - 1 / replicas)


def _loss(model, x, y, y_pred, sample_weight, training):
    return model.compute_loss(
        x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training
    )


def _summed(gradients: list[Any], part: Part) -> list[Any]:
    """Returns the gradients of the whole batch."""
    known = [g for g in gradients if g is not None]
    parts = [part.or_zero(g) if isinstance(g, tf.Tensor) else g for g in known]
    sums = iter(all_reduce_sum(parts) if parts else ())
    return [None if g is None else next(sums) for g in gradients]


def _track(model: keras.Model, loss: tf.Tensor, part: Part) -> None:
    """Notes the loss so that the sums over the replicas are those of the whole batch."""
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    track_loss(model, loss * replicas, part.whole / replicas)


def step_function(model: keras.Model, step: Callable[[Any], Logs]) -> Callable[[Any], Logs]:
    """Returns what `fit` and `evaluate` call with an iterator over batches.

    The values that it returns are those of all replicas together, on every worker.
    """
    strategy = model.distribute_strategy

    def on_batch(data):
        return _joined(model, strategy, strategy.run(step, args=(data,)))

    def on_next(iterator):
        return on_batch(iterator.get_next())

    if not model.run_eagerly:
        on_batch = tf.function(on_batch, autograph=False, reduce_retracing=True)
        on_next = tf.function(on_next, autograph=False, reduce_retracing=True)

    def function(iterator):
        distributed = isinstance(iterator, (tf.data.Iterator, tf.distribute.DistributedIterator))
        take = on_next if distributed else (lambda batches: on_batch(next(batches)))
        logs = take(iterator)
        for _ in range(1, model.steps_per_execution):
            try:
                logs = take(iterator)
            except (StopIteration, tf.errors.OutOfRangeError):
                break
        return logs

    return function


def _joined(model: keras.Model, strategy: tf.distribute.Strategy, logs: Logs) -> Logs:
    """Returns the metrics of all replicas, and the mean of what else a step returned."""
    metrics = model.get_metrics_result()
    if isinstance(logs, dict) and metrics.keys() == logs.keys():
        return metrics
    return keras.tree.map_structure(
        lambda value: strategy.reduce(tf.distribute.ReduceOp.MEAN, value, axis=None), logs
    )
