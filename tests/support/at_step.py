"""A training that something happens to."""

import keras


class AtStep(keras.callbacks.Callback):
    """Calls a function at the end of a step, counted from 1; never for 0."""

    def __init__(self, step, act):
        super().__init__()
        self.left, self._act = step, act

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            self._act()
