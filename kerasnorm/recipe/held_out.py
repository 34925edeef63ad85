"""Evaluation on held-out examples, after training and at the end of every epoch."""

from typing import Any

import keras
import numpy as np

from kerasnorm.recipe.evaluation import Evaluation, confusion_matrix
from kerasnorm.recipe.examples import Examples


class HeldOut(keras.callbacks.Callback):
    """Adds `val_loss`, `val_accuracy` and `val_balanced_accuracy` to the logs of each epoch.

    `fit(validation_data=...)` would weigh no class and know no balanced accuracy. The last
    epoch's `Evaluation` stays in the attribute `evaluation`.
    """

    def __init__(
        self, examples: Examples, names: tuple[str, ...], counts: np.ndarray, logits: bool
    ) -> None:
        super().__init__()
        self.examples, self.names, self.counts, self.logits = examples, names, counts, logits
        self.evaluation: Evaluation | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        batches = [
            (self.model.predict_on_batch(x), y.astype(np.int64)) for x, y in self.examples.batches()
        ]
        outputs, labels = (np.concatenate(part) for part in zip(*batches, strict=True))
        confusion = confusion_matrix(labels, outputs.argmax(axis=-1), len(self.names))
        self.evaluation = Evaluation(self.names, self.counts, confusion)
        if logs is not None:
            logs["val_loss"] = cross_entropy(outputs, labels, self.logits)
            logs["val_accuracy"] = self.evaluation.accuracy
            logs["val_balanced_accuracy"] = self.evaluation.balanced_accuracy


def cross_entropy(outputs: np.ndarray, labels: np.ndarray, logits: bool) -> float:
    """Returns the mean of −log p of the true classes, from logits or probabilities (N, K).

    >>> cross_entropy(np.array([[0.25, 0.75]]), np.array([0]), logits=False)  # ln 4
    1.386...
    """
    outputs = outputs.astype(np.float64)
    if logits:
        outputs = outputs - outputs.max(axis=1, keepdims=True)
        log = outputs - np.log(np.exp(outputs).sum(axis=1, keepdims=True))
    else:
        log = np.log(np.maximum(outputs, keras.config.epsilon()))
    return float(-log[np.arange(len(labels)), labels].mean())
