"""The trained part of a transfer."""

import keras
import numpy as np
from keras import ops

from kerasnorm.transfer.tasks.features import FeatureBatches
from kerasnorm.transfer.tasks.task import Task


class TransferHead:
    """A task's head for features of one shape, trained from the same start for every encoder.

    It is compiled once. What two encoders do for a task then differs by their features alone, and
    not by initial weights.

    Args:
        task: the task.
        features: shape of the features without N.
        learning_rate: of Adam.
        seed: of the initial weights; the global seeds of Python, NumPy and the backend are set.
        jit_compile: as in `Model.compile`.
    """

    def __init__(
        self,
        task: Task,
        features: tuple[int, ...],
        learning_rate: float,
        seed: int,
        jit_compile: bool | str,
    ):
        keras.utils.set_random_seed(seed)
        self._task, self._model = task, task.build_head(features)
        optimizer = keras.optimizers.Adam(learning_rate)
        self._model.compile(optimizer, task.losses, jit_compile=jit_compile)
        optimizer.build(self._model.trainable_variables)
        self._variables = [*self._model.variables, *optimizer.variables]
        self._start = [ops.convert_to_numpy(variable).copy() for variable in self._variables]

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(int(np.prod(weight.shape)) for weight in self._model.trainable_variables)

    def train(self, batches: FeatureBatches, epochs: int) -> None:
        """Trains from the start, whatever it was trained on before."""
        for variable, value in zip(self._variables, self._start, strict=True):
            variable.assign(value)
        for _ in range(epochs):
            for features, targets in batches:  # quicker than `fit`, which prepares much an epoch
                self._model.train_on_batch(features, targets)

    def losses(self, batches: FeatureBatches) -> np.ndarray:
        """Returns the loss of each example `(N,)`, float32."""
        parts = [
            self._task.losses(targets, self._model(features, training=False))
            for features, targets in batches
        ]
        return np.concatenate([ops.convert_to_numpy(part) for part in parts])
