import math
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm._types import Logs
from kerasnorm._validation import as_int, as_number, require


class LearningRateFinder(keras.callbacks.Callback):
    """Callback that raises the learning rate from batch to batch, then undoes the training.

    Pass it to `fit` before training: the loss falls fastest at a good learning rate, and diverges
    at rates that are too high. When it has seen enough it stops `fit`, and restores the weights,
    the state of the optimizer and its rate. With `LayerwiseLearningRate` it changes the base rate.

    Args:
        lowest, highest: Floats, 0 < lowest < highest: the range of rates.
        steps: Number of batches, an int ≥ 10; `fit` needs enough epochs for them.
            Defaults to 100.
        smoothing: Weight of the past in the averaged losses, a float in [0, 1).
            Defaults to 0.9.
        divergence: Multiple of the smallest averaged loss at which to stop, a float > 1. Defaults
            to 4.0.

    Attributes:
        rates: (n,) float64 array of the rates tried, n ≤ steps.
        losses: (n,) float64 array of the losses of each batch.
        averages: (n,) float64 array, losses averaged over the past with the weight `smoothing`.
        suggestion: A float, the rate in the middle of the tenth of the (logarithmic) range over
            which the averages fall most, before their least.

    Example:

    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> x = np.random.default_rng(0).normal(size=(320, 4))
    >>> finder = LearningRateFinder(1e-4, 10)
    >>> history = model.fit(x, x[:, :1], epochs=10, callbacks=[finder], verbose=0)
    >>> 1e-3 < finder.suggestion < 1
    True

    Raises:
        ValueError: For arguments out of range; in `fit`, for an optimizer with a schedule; for a
            suggestion or a plot before there are 10 batches, and a suggestion if no loss fell.

    See also:
        `LayerwiseLearningRate`; `fine_tune`.

    References:
        Smith, 2017, Cyclical learning rates for training neural networks,
        https://arxiv.org/abs/1506.01186
    """

    def __init__(
        self,
        lowest: float = 1e-7,
        highest: float = 1.0,
        steps: int = 100,
        smoothing: float = 0.9,
        divergence: float = 4.0,
    ) -> None:
        super().__init__()
        self.lowest = as_number("lowest", lowest, 0, interval="()")
        self.highest = as_number("highest", highest, self.lowest, interval="()")
        self.steps = as_int("steps", steps, low=10)
        self.smoothing = as_number("smoothing", smoothing, 0, 1)
        self.divergence = as_number("divergence", divergence, 1, interval="()")
        self.rates = self.losses = self.averages = np.zeros(0)

    def on_train_begin(self, logs: Logs = None) -> None:
        optimizer = self.model.optimizer
        if not optimizer.built:
            optimizer.build(self.model.trainable_variables)
        self._check_rate_can_be_set(optimizer)
        self._variables = [*self.model.variables, *optimizer.variables]
        self._average = 0.0
        self._before = [ops.convert_to_numpy(variable).copy() for variable in self._variables]
        self.rates = self.losses = self.averages = np.zeros(0)

    def _check_rate_can_be_set(self, optimizer: keras.optimizers.Optimizer) -> None:
        try:
            optimizer.learning_rate = float(ops.convert_to_numpy(optimizer.learning_rate))
        except TypeError as error:
            raise ValueError(
                "LearningRateFinder sets the learning rate, so it needs an optimizer without a "
                "schedule. Compile with a float first, then with the schedule."
            ) from error

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._mean, self._count = 0.0, 0

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        share = len(self.rates) / (self.steps - 1)
        self._sync()
        self._rate = self.lowest * (self.highest / self.lowest) ** share
        self.model.optimizer.learning_rate = self._rate

    def _sync(self) -> None:
        """JAX keeps variables elsewhere between batches; they are put back and read again."""
        if hasattr(self.model, "jax_state_sync"):
            self.model.jax_state_sync()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        # `fit` logs the mean over the epoch so far
        mean, self._count = logs["loss"], self._count + 1
        loss = mean * self._count - self._mean * (self._count - 1)
        self._mean = mean
        if not math.isfinite(loss):
            self.model.stop_training = True
            return
        self.rates = np.append(self.rates, self._rate)
        self.losses = np.append(self.losses, loss)
        self._average = self.smoothing * self._average + (1 - self.smoothing) * loss
        corrected = self._average / (1 - self.smoothing ** len(self.losses))  # for its start at 0
        self.averages = np.append(self.averages, corrected)
        diverged = self.averages[-1] > self.divergence * self.averages.min() > 0
        if len(self.rates) == self.steps or (diverged and len(self.rates) >= 10):
            self.model.stop_training = True

    def on_train_end(self, logs: Logs = None) -> None:
        for variable, value in zip(self._variables, self._before, strict=True):
            variable.assign(value)

    @property
    def suggestion(self) -> float:
        steepest = self._steepest()
        if steepest is None:
            raise ValueError(
                "The loss did not fall at any rate, so there is none to suggest. See `plot()`, and "
                "try larger batches, more steps or another range."
            )
        return float(self.rates[steepest])

    def _steepest(self) -> int | None:
        """Returns the middle of that tenth of the steps over which the averages fall most."""
        self._check_enough()
        # the first averages are of few losses
        first = min(round(1 / (1 - self.smoothing)), len(self.rates) // 2)
        before_least = self.averages[first : np.argmin(self.averages) + 1]
        width = max(len(self.rates) // 10, 2)
        falls = before_least[:-width] - before_least[width:]
        if not np.any(falls > 0):
            return None
        return first + width // 2 + int(np.argmax(falls))

    def _check_enough(self) -> None:
        if len(self.rates) < 10:
            raise ValueError(
                "LearningRateFinder needs at least 10 batches with a finite loss. "
                f"Received: {len(self.rates)}. Pass it to `fit`, with more epochs or a lower range."
            )

    def plot(self, ax: Any = None) -> Any:
        """Draws the losses over the rates with the suggestion, and returns the matplotlib axes."""
        self._check_enough()
        require("matplotlib")
        if ax is None:
            from matplotlib.figure import Figure

            ax = Figure(layout="constrained").subplots()
        ax.plot(self.rates, self.losses, ".", alpha=0.4, label="batch")
        ax.plot(self.rates, self.averages, label="average")
        steepest = self._steepest()
        if steepest is not None:
            rate = self.rates[steepest]
            ax.axvline(rate, linestyle="--", label=f"steepest: {rate:.1e}")
        ax.set(xscale="log", xlabel="learning rate", ylabel="loss")
        # the explosion at the end would flatten all before it
        low, high = self.averages.min(), np.quantile(self.averages, 0.9)
        ax.set_ylim(low - 0.2 * (high - low), high + 0.6 * (high - low))
        ax.legend()
        return ax
