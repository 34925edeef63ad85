from typing import Any

import keras
import numpy as np

from kerasnorm._validation import as_int
from kerasnorm.imbalance.losses import SparseLoss
from kerasnorm.imbalance.weighting._class_weight_dict import ClassWeights


class DeferredReweighting(keras.callbacks.Callback):
    """Weighs the classes from a given epoch on ("DRW").

    Weights from the start make the features worse; late, at a smaller learning rate, they move what
    the features allow. The model is not compiled anew and the optimizer goes on, though its step is
    traced once more. What is weighed depends on the number of the epoch alone, so training goes on
    rightly after a break (`initial_epoch`). Figures on validation data stay unweighted, as with
    `fit(class_weight=)`.

    Args:
        weights: a `ClassWeights`, a dict from class to weight, such as
            `class_weights(counts, "effective_number")`, the paper's.
        epoch: the first epoch that is weighed, counted from 0; the paper's is 160 of 200.

    The model should be compiled with one of kerasnorm's losses of class numbers, such as `LDAM`.
    Plain cross-entropy is `SparseFocalCrossentropy(gamma=0)`.

    Raises:
        ValueError: for arguments that are none; in `fit`, for a model with another loss.

    Example:

    >>> from kerasnorm.imbalance import class_weights
    >>> from kerasnorm.imbalance.losses import LDAM
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> model.compile("sgd", LDAM([90, 10]))
    >>> callback = DeferredReweighting(class_weights([90, 10], "effective_number"), epoch=1)
    >>> x, y = keras.ops.ones((8, 4)), keras.ops.zeros(8)
    >>> history = model.fit(x, y, epochs=2, callbacks=[callback], verbose=0)

    Reference:
        Cao et al., 2019, https://arxiv.org/abs/1906.07413
    """

    def __init__(self, weights: dict[int, float], epoch: int) -> None:
        super().__init__()
        self.weights = ClassWeights(weights).as_numpy()
        self.epoch = as_int("epoch", epoch, low=0)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._loss()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._weigh(self.weights if epoch >= self.epoch else None)

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        loss = self._loss()
        self._in_training, loss.class_weights = loss.class_weights, None

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        self._loss().class_weights = self._in_training

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._weigh(None)

    def _weigh(self, weights: np.ndarray | None) -> None:
        """Has the training step traced again with other weights, where they are others."""
        loss = self._loss()
        if loss.class_weights is not weights:
            loss.class_weights = weights
            self.model.make_train_function(force=True)

    def _loss(self) -> SparseLoss:
        loss = self.model.loss
        if not isinstance(loss, SparseLoss):
            raise ValueError(
                "DeferredReweighting should meet a model compiled with one of kerasnorm's losses "
                "of class numbers; plain cross-entropy is SparseFocalCrossentropy(gamma=0). "
                f"Received: loss={loss!r}."
            )
        if loss.num_classes not in (None, len(self.weights)):
            raise ValueError(
                f"There should be {loss.num_classes} weights, one a class. "
                f"Received: {len(self.weights)}."
            )
        return loss
