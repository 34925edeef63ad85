"""The weights of the epoch in which a figure was best."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kerasnorm._validation import listed
from kerasnorm.transfer.fine_tuning._divergence import are_finite

_KEPT = ("_best", "_weights")  # beyond an interruption


class BestWeights(keras.callbacks.Callback):
    """Keeps a model's weights at the end of the epoch in which a value of the logs was best.

    It may be part of several `fit`s, of the model or of a part of it.

    Args:
        whole: the model.
        monitor: name of the value. The smallest is best if it ends in "loss", else the largest.
    """

    def __init__(self, whole: keras.Model, monitor: str):
        super().__init__()
        self.whole, self.monitor = whole, monitor
        self._sign = -1 if monitor.endswith("loss") else 1
        self._best = -math.inf
        self._weights: list[np.ndarray] | None = None

    def state_dict(self) -> dict[str, Any]:
        """Returns what a resumed training needs."""
        return {name: getattr(self, name) for name in _KEPT}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Brings back what `state_dict` returned."""
        for name in _KEPT:
            setattr(self, name, state[name])

    def begin(self, logs: dict[str, Any]) -> None:
        """Keeps the first weights, unless there are some from before an interruption.

        Args:
            logs: how good they are.
        """
        if self._weights is None:
            self.on_epoch_end(0, logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keeps the weights if they are better than any before."""
        value, weights = self._value(logs or {}), self.whole.get_weights()
        if not np.isnan(value) and value > self._best and are_finite(weights):
            self._best, self._weights = value, weights

    def _value(self, logs: dict[str, Any]) -> float:
        if self.monitor not in logs:
            raise ValueError(
                f"`monitor` should be one of {listed(logs)}. Received: {self.monitor!r}. "
                "Values with val_ need `validation`."
            )
        return self._sign * float(logs[self.monitor])

    def restore(self, held_out_loss: Callable[[], float] | None = None) -> None:
        """Gives the model its best weights back; the loss has no part in it."""
        if self._weights is not None:
            self.whole.set_weights(self._weights)
