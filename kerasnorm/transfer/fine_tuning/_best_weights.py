"""The weights of the epoch in which a figure was best."""

import json
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerasnorm._files import whole, write_json
from kerasnorm._validation import listed

BEST = "best"  # begins the names of the files
_WEIGHTS, _NOTE = f"{BEST}.weights.h5", f"{BEST}.json"


def first_metric(metrics: Sequence[Any]) -> str:
    """Returns the name in the history of what `metrics` measures first on the validation."""
    if not metrics:
        return "val_loss"
    first = metrics[0]
    name = first if isinstance(first, str) else getattr(first, "name", None) or first.__name__
    return f"val_{name}"


class BestWeights(keras.callbacks.Callback):
    """Keeps a model's weights at the end of the epoch in which a value of the logs was best.

    It may be part of several `fit`s, of the model or of a part of it.

    Args:
        whole: the model.
        monitor: name of the value. The smallest is best if it ends in "loss", else the largest.
        folder: where the weights are kept too, to go on after a break; None: nowhere.
    """

    def __init__(self, whole: keras.Model, monitor: str, folder: Path | None):
        super().__init__()
        self.whole, self.monitor, self._folder = whole, monitor, folder
        self._sign = -1 if monitor.endswith("loss") else 1
        self._best, self._weights = -math.inf, None
        if folder is not None and (folder / _NOTE).exists():
            self._best = json.loads((folder / _NOTE).read_text())["best"]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keeps the weights if they are better than any before."""
        if self.monitor not in (logs or {}):
            raise ValueError(
                f"`monitor` should be one of {listed(logs or {})}. Received: {self.monitor!r}. "
                "Values with val_ need `validation`."
            )
        value = self._sign * float(logs[self.monitor])
        if value <= self._best or np.isnan(value):
            return
        self._best = value
        if self._folder is None:
            self._weights = self.whole.get_weights()
            return
        with whole(self._folder / _WEIGHTS) as part:
            self.whole.save_weights(part)
        write_json(self._folder / _NOTE, {"best": self._best})

    def restore(self) -> None:
        """Gives the model its best weights back."""
        if self._folder is not None and (self._folder / _WEIGHTS).exists():
            with warnings.catch_warnings():  # the optimizer's may be those of another phase
                warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
                self.whole.load_weights(self._folder / _WEIGHTS)
        elif self._weights is not None:
            self.whole.set_weights(self._weights)
