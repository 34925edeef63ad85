"""Keeps the logs of each epoch, and brings home the weights of a copy that trains."""

from typing import Any

import keras
import numpy as np

from kerasnorm.models import every_layer
from kerasnorm.transfer.fine_tuning._augmenting import generators

Logs = list[dict[str, float]]


def by_name(logs: Logs) -> dict[str, list[float]]:
    """Returns the values of all epochs by name, as `History.history` has them."""
    names = dict.fromkeys(name for row in logs for name in row)
    return {name: [row[name] for row in logs if name in row] for name in names}


class BringHome(keras.callbacks.Callback):
    """Gives a model the weights of its copy that trains, before others look at them."""

    def __init__(self, home: keras.Model):
        super().__init__()
        self._home = home

    def on_epoch_end(self, epoch, logs=None):
        self._home.set_weights(self.model.get_weights())

    def on_train_end(self, logs=None):  # a backup may be of the last epoch
        self._home.set_weights(self.model.get_weights())


class EpochLog(keras.callbacks.Callback):
    """Notes the logs of each epoch, before its backup, and lets its number decide what is drawn.

    Backups do not hold how far the generators of Python, NumPy and the backend are.

    Args:
        rows: list to add the logs to.
        first: number of the first epoch in it.
        batches: may have to be told which epoch comes next.
        seed: of what is drawn; None leaves that alone.
    """

    def __init__(self, rows: Logs, first: int, batches: Any, seed: int | None):
        super().__init__()
        self._rows, self._first, self._batches, self._seed = rows, first, batches, seed

    def on_epoch_begin(self, epoch, logs=None):
        if hasattr(self._batches, "set_epoch"):
            self._batches.set_epoch(epoch)
        if self._seed is not None:
            draw = np.random.default_rng((self._seed, epoch))
            keras.utils.set_random_seed(int(draw.integers(2**31)))  # torch's dropout asks no other
            # from the head down, the same whether what is below is part of the model or not
            for leaf in reversed(every_layer(self.model)):
                for generator in generators(leaf.layer):
                    state = generator.state
                    state.assign(draw.integers(2**31, size=state.shape).astype(state.dtype))

    def on_epoch_end(self, epoch, logs=None):
        self._rows[epoch - self._first :] = [
            {name: float(value) for name, value in (logs or {}).items()}
        ]
