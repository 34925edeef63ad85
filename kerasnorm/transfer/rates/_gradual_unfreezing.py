import keras

from kerasnorm._types import Logs
from kerasnorm._validation import as_int, as_number
from kerasnorm.transfer.rates._layerwise_learning_rate import LayerwiseLearningRate
from kerasnorm.transfer.rates._rate_groups import Multipliers


class GradualUnfreezing(keras.callbacks.Callback):
    """Callback that trains the head first, and unfreezes one more step of layers every few epochs.

    This keeps the noisy gradients of a new head from the features below until it has learned
    something. The model must be compiled with `LayerwiseLearningRate`: layers are frozen by
    multiplier 0 and unfrozen by their own, without compiling again, and keep their optimizer state.
    The state depends only on the number of the epoch, so that training resumes correctly after an
    interruption.

    Args:
        multipliers: Dict of float ≥ 0 by key, the same as the optimizer's, or some of them. Layers
            with the largest multipliers train from the start, then those with the next smaller
            ones, and so on; equal multipliers are unfrozen together. See `layer_decay`.
        every: Number of epochs from one step to the next, an int ≥ 1. Defaults to 1.
        start: Epoch in which the head starts to train, counted from 0; it may be negative.
            Defaults to 0.

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
        ValueError: For multipliers or `every` out of range, multipliers that are all the same;
            in `fit`, for another optimizer, or a key that is not one of the optimizer's.

    See also:
        `layer_decay`, for its steps; `fine_tune`, with `gradual`; `unfreeze`.

    References:
        Howard and Ruder, 2018, Universal language model fine-tuning for text classification,
        https://arxiv.org/abs/1801.06146
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
                "`multipliers` should have at least two values, for layers that train earlier "
                f"and later. Received: {list(self.multipliers.values())}. See `layer_decay`."
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
            "GradualUnfreezing needs a model compiled with LayerwiseLearningRate, whose "
            f"multipliers it sets. Received: {type(optimizer).__name__}."
        )
    return optimizer
