import keras

from kerasnorm._types import Logs
from kerasnorm._validation import as_int, as_number
from kerasnorm.transfer.rates._layerwise_learning_rate import LayerwiseLearningRate
from kerasnorm.transfer.rates._rate_groups import Multipliers


class GradualUnfreezing(keras.callbacks.Callback):
    """Trains the head first, and lets one more step of layers below it train every few epochs.

    So the noise of a new head's gradients does not reach the features below before it has learnt
    something. Needs a model compiled with `LayerwiseLearningRate`: layers are frozen by the
    multiplier 0 and freed by their own, with no compiling, and keep the optimizer's state. What is
    free depends on the number of the epoch alone, so that training goes on rightly after a break.

    Args:
        multipliers: dict of float ≥ 0 by key, the same as the optimizer's, or some of them. The
            largest train from the start; then the next smaller ones, and so on: layers with the
            same multiplier are freed together. See `layer_decay`.
        every: int ≥ 1, epochs from one step to the next.
        start: int, the epoch in which the head begins, counted from 0; it may be negative.

    Example:

    >>> model = keras.Sequential([keras.Input((4,))])
    >>> for name in ("conv1", "conv2", "head"):
    ...     model.add(keras.layers.Dense(4, name=name))
    >>> rates = {"conv1": 0.25, "conv2": 0.5, "head": 1}
    >>> model.compile(LayerwiseLearningRate("sgd", rates), "mse")
    >>> x = keras.ops.ones((8, 4))
    >>> history = model.fit(x, x, epochs=2, callbacks=[GradualUnfreezing(rates)], verbose=0)
    >>> list(model.optimizer.multipliers.values())
    [0.0, 0.5, 1.0]

    Raises:
        ValueError: for multipliers or `every` out of range, multipliers that are all the same;
            in `fit`, for another optimizer, or a key that is not one of the optimizer's.

    References:
        Howard and Ruder, 2018, https://arxiv.org/abs/1801.06146
    """

    def __init__(self, multipliers: Multipliers, every: int = 1, start: int = 0) -> None:
        super().__init__()
        self.multipliers = {
            key: as_number("a multiplier", value, 0) for key, value in multipliers.items()
        }
        self.every = as_int("every", every, low=1)
        self.start = as_int("start", start)
        self.steps = sorted(set(self.multipliers.values()), reverse=True)
        if len(self.steps) < 2:
            raise ValueError(
                "`multipliers` should have at least two values, of what trains first and what "
                f"later. Received: {list(self.multipliers.values())}. See `layer_decay`."
            )

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        optimizer = _layerwise(self.model)
        for key, value in self.multipliers.items():
            free = epoch - self.start >= self.steps.index(value) * self.every
            optimizer.set_multiplier(key, value if free else 0)


def _layerwise(model: keras.Model) -> LayerwiseLearningRate:
    optimizer = model.optimizer
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        optimizer = optimizer.inner_optimizer
    if not isinstance(optimizer, LayerwiseLearningRate):
        raise ValueError(
            "GradualUnfreezing should meet a model compiled with LayerwiseLearningRate, whose "
            f"multipliers it sets. Received: {type(optimizer).__name__}."
        )
    return optimizer
