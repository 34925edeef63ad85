"""The weights of the epoch in which a figure was best."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kerasnorm._validation import listed
from kerasnorm.transfer.fine_tuning._divergence import are_finite

_KEPT = ("_first", "_best", "_count", "_weights")  # beyond an interruption


def first_metric(metrics: Sequence[Any]) -> str:
    """Returns the name in the history of what `metrics` measures first on the validation."""
    if not metrics:
        return "val_loss"
    first = metrics[0]
    name = first if isinstance(first, str) else getattr(first, "name", None) or first.__name__
    return f"val_{name}"


class BestWeights(keras.callbacks.Callback):
    """Keeps a model's weights at the end of the epoch in which a value of the logs was best.

    It may be part of several `fit`s, of the model or of a part of it. A few dozen examples cannot
    say which of ten epochs was best. So it can be told to keep the last of those that are as good
    as the best, within a standard error, and no worse than the first.

    Args:
        whole: the model.
        monitor: name of the value. The smallest is best if it ends in "loss", else the largest.
        last: whether the last of those that are as good is kept.
    """

    def __init__(self, whole: keras.Model, monitor: str, last: bool = False):
        super().__init__()
        self.whole, self.monitor, self._last = whole, monitor, last
        self._sign = -1 if monitor.endswith("loss") else 1
        self._first, self._best = -math.inf, -math.inf
        self._weights: list[np.ndarray] | None = None
        self._count: int | None = None

    def state_dict(self) -> dict[str, Any]:
        """Returns what a resumed training needs."""
        return {name: getattr(self, name) for name in _KEPT}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Brings back what `state_dict` returned."""
        for name in _KEPT:
            setattr(self, name, state[name])

    def begin(self, logs: dict[str, Any], count: int | None) -> None:
        """Keeps the first weights, unless there are some from before a break.

        Args:
            logs: how good they are.
            count: the examples that say so, for the standard error of a share of them; None: none.
        """
        if self._best > -math.inf:
            return
        self._first, self._count = self._value(logs), count
        self.on_epoch_end(0, logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keeps the weights if they are better than any before, or as good."""
        value, weights = self._value(logs or {}), self.whole.get_weights()
        if np.isnan(value) or not are_finite(weights):
            return
        before, self._best = self._best, max(self._best, value)
        as_good = value >= max(self._first, self._best - self._error()) if self._last else False
        if value <= before and not as_good:
            return
        self._weights = weights

    def _value(self, logs: dict[str, Any]) -> float:
        if self.monitor not in logs:
            raise ValueError(
                f"`monitor` should be one of {listed(logs)}. Received: {self.monitor!r}. "
                "Values with val_ need `validation`."
            )
        return self._sign * float(logs[self.monitor])

    def _error(self) -> float:
        """Returns the standard error of the best value, if it is a share of so many examples."""
        if not self._count or not 0 <= self._best <= 1:
            return 0.0
        return math.sqrt(self._best * (1 - self._best) / self._count)

    def restore(self) -> None:
        """Gives the model its best weights back."""
        if self._weights is not None:
            self.whole.set_weights(self._weights)
