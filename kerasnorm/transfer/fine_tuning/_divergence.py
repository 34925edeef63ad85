"""Ends a training that diverges, with the weights that it had before."""

import warnings
from typing import Any

import keras
import numpy as np


class StopIfDiverged(keras.callbacks.Callback):
    """Stops where the loss or a weight is no finite number any more, and says so.

    The model gets the weights back that it had at the end of the epoch before.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last: list[np.ndarray] = []

    def on_train_begin(self, logs=None):
        self._last = self.model.get_weights()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        loss, weights = float((logs or {}).get("loss", 0)), self.model.get_weights()
        if np.isfinite(loss) and are_finite(weights):
            self._last = weights
            return
        self.model.set_weights(self._last)
        self.model.stop_training = True
        warnings.warn(
            f"The training diverged in epoch {epoch}, counted from 0: its loss is {loss:g}"
            f"{'' if are_finite(weights) else ', and weights are not finite'}. It stops there, and "
            "the model has the weights from before that epoch. Choose a smaller learning rate, or "
            "look for infinite or missing values in the examples.",
            stacklevel=2,
        )


def are_finite(weights: list[np.ndarray]) -> bool:
    """Returns whether all numbers in some arrays are finite."""
    return all(np.isfinite(weight).all() for weight in weights)
