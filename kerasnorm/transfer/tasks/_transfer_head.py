"""Trains the head of a transfer."""

import keras
import numpy as np
from keras import ops

from kerasnorm.transfer.tasks._features import HeadBatches
from kerasnorm.transfer.tasks._task import Task
from kerasnorm.transfer.tasks._training import Training


class TransferHead:
    """A task's head for features of one shape, trained from the same start for every encoder.

    It is compiled once. What two encoders do for a task then differs by their features alone, and
    not by initial weights.

    Args:
        task: The task.
        features: Shape of the features without N.
        training: The learning rate of Adam, and the seed of the initial weights, to which the
            global seeds of Python, NumPy and the backend are set.
        jit_compile: As in `Model.compile`.
    """

    def __init__(
        self,
        task: Task,
        features: tuple[int, ...],
        training: Training,
        jit_compile: bool | str,
    ) -> None:
        keras.utils.set_random_seed(training.seed_of(task.name))
        self.task, self.features = task, features
        self._model = task.build_head(features)
        self._model.compile(
            keras.optimizers.Adam(training.learning_rate), task.losses, jit_compile=jit_compile
        )
        optimizer = self._model.optimizer  # in half precision, Adam inside another one
        optimizer.build(self._model.trainable_variables)
        self._variables = [*self._model.variables, *optimizer.variables]
        self._start = [ops.convert_to_numpy(variable).copy() for variable in self._variables]

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(int(np.prod(weight.shape)) for weight in self._model.trainable_variables)

    def train(self, batches: HeadBatches, epochs: int) -> None:
        """Trains from the start, whatever it was trained on before."""
        for variable, value in zip(self._variables, self._start, strict=True):
            variable.assign(value)
        for _ in range(epochs):
            for features, targets in batches:  # quicker than `fit`, which prepares much an epoch
                self._model.train_on_batch(features, targets)

    def losses(self, batches: HeadBatches) -> np.ndarray:
        """Returns the loss of each example `(N,)`, float32."""
        parts = [
            self.task.losses(targets, self._model(features, training=False))
            for features, targets in batches
        ]
        return np.concatenate([ops.convert_to_numpy(part) for part in parts])
