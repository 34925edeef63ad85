"""Times steps of training and inference."""

import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kerasnorm.data import input_batches
from kerasnorm.models import predict_rows
from kerasnorm.transfer.tasks._features import HeadBatches, check_features
from kerasnorm.transfer.tasks._transfer_head import TransferHead

_STEPS = 5


def probe_encoder(
    name: str, encoder: keras.Model, x: Any, count: int
) -> tuple[tuple[int, ...], float]:
    """Returns the shape of an encoder's features without N, and the seconds for all examples."""
    inputs = next(input_batches(encoder, x, None))
    given = len(keras.tree.flatten(inputs)[0])
    shape = check_features(name, predict_rows(encoder, inputs).shape)
    return shape, count / given * _seconds(lambda: predict_rows(encoder, inputs))


def probe_step(head: TransferHead, batch_size: int) -> float:
    """Returns the seconds of a training step of a head, once it is compiled."""
    targets = head.task.targets
    size = min(batch_size, len(targets))
    blank, rows = np.zeros((1, *head.features), "float32"), np.zeros(size, "int64")
    batches = HeadBatches([blank], targets, rows, size)
    head.train(batches, epochs=1)
    return _seconds(lambda: head.train(batches, epochs=_STEPS)) / _STEPS


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
