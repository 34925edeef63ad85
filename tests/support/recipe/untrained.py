"""What holds that something is refused before a training, not after it."""

import keras


class Untrained(keras.callbacks.Callback):
    """Fails where a training begins."""

    def on_train_begin(self, logs=None):
        raise AssertionError("the training has begun")
