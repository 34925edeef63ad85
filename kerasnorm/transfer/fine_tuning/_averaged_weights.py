"""The weights between those of a solved head and those of the last epoch."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

SHARE = 0.75  # of the way from the solved head to the last epoch

_KEPT = ("_start",)  # beyond an interruption


class AveragedWeights(keras.callbacks.Callback):
    """Ends a training at an average of the weights it started from and those it arrived at.

    A few dozen validation examples cannot say which of ten epochs was best, and an average needs
    none to choose by. Validation examples, if there are any, have one say: where their loss is not
    lower than at the start, the weights are those of the start.

    Args:
        whole: the model.

    Reference:
        Wortsman et al., 2022, Robust fine-tuning of zero-shot models,
        https://arxiv.org/abs/2109.01903
    """

    def __init__(self, whole: keras.Model):
        super().__init__()
        self.whole = whole
        self._start: list[np.ndarray] | None = None

    def state_dict(self) -> dict[str, Any]:
        """Returns what a resumed training needs."""
        return {name: getattr(self, name) for name in _KEPT}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Brings back what `state_dict` returned."""
        for name in _KEPT:
            setattr(self, name, state[name])

    def begin(self, logs: dict[str, Any]) -> None:
        """Keeps the weights that the training starts from."""
        if self._start is None:
            self._start = self.whole.get_weights()

    def restore(self, held_out_loss: Callable[[], float] | None) -> None:
        """Gives the model the average, or the weights from the start.

        Args:
            held_out_loss: returns the model's loss on the validation examples; None: there are
                none.
        """
        if self._start is None:
            return
        average = [
            _between(first, last)
            for first, last in zip(self._start, self.whole.get_weights(), strict=True)
        ]
        self.whole.set_weights(self._start)
        before = None if held_out_loss is None else held_out_loss()
        self.whole.set_weights(average)
        if before is not None and held_out_loss is not None and not held_out_loss() < before:
            self.whole.set_weights(self._start)


def _between(first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Returns the average; what counts, or draws at random, is as at the end."""
    if keras.backend.is_float_dtype(str(last.dtype)):
        mixed = (1 - SHARE) * first.astype("float64") + SHARE * last.astype("float64")
        return mixed.astype(last.dtype)
    return last
