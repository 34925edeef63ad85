from typing import Any

import keras
import numpy as np

from kerasnorm._validation import as_int
from kerasnorm.imbalance.losses import SparseLoss
from kerasnorm.imbalance.weighting._class_weight_dict import ClassWeights


class DeferredReweighting(keras.callbacks.Callback):
    """Applies class weights from a given epoch on ("DRW").

    Class weights from the start harm the features; in the last epochs, at a smaller learning rate,
    they only shift the decisions. The model is not compiled again and the optimizer keeps its
    state; its step is traced once more. The weights depend only on the number of the epoch, so
    that training resumes correctly after an interruption (`initial_epoch`). Validation results
    stay unweighted, as with `fit(class_weight=)`.

    Args:
        weights: A `ClassWeights`, a dict from class to weight, such as
            `class_weights(counts, "effective_number")`, the paper's.
        epoch: First epoch with weights, counted from 0; 160 of 200 in the paper.

    The model should be compiled with one of kerasnorm's losses of class numbers, such as `LDAM`.
    Plain cross-entropy is `SparseFocalCrossentropy(gamma=0)`.

    Raises:
        ValueError: For invalid arguments; in `fit`, for a model with another loss.

    Example:

    >>> from kerasnorm.imbalance import class_weights
    >>> from kerasnorm.imbalance.losses import LDAM
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> model.compile("sgd", LDAM([90, 10]))
    >>> callback = DeferredReweighting(class_weights([90, 10], "effective_number"), epoch=1)
    >>> x, y = keras.ops.ones((8, 4)), keras.ops.zeros(8)
    >>> history = model.fit(x, y, epochs=2, callbacks=[callback], verbose=0)

    See also:
        `DeferredResampling`, which resamples instead; `class_weights`.

    Reference:
        Cao et al., 2019, Learning imbalanced datasets with label-distribution-aware margin loss,
        https://arxiv.org/abs/1906.07413
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
        """Traces the training step again if the weights change."""
        loss = self._loss()
        if loss.class_weights is not weights:
            loss.class_weights = weights
            self.model.make_train_function(force=True)

    def _loss(self) -> SparseLoss:
        loss = self.model.loss
        if not isinstance(loss, SparseLoss):
            raise ValueError(
                "DeferredReweighting needs a model compiled with a loss of kerasnorm for class "
                "numbers; for plain cross-entropy use SparseFocalCrossentropy(gamma=0). "
                f"Received: loss={loss!r}."
            )
        if loss.num_classes not in (None, len(self.weights)):
            raise ValueError(
                f"There should be {loss.num_classes} weights, one per class. "
                f"Received: {len(self.weights)}."
            )
        return loss
