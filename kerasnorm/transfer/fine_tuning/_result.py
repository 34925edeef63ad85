"""What `fine_tune` returns."""

from typing import NamedTuple

import keras


class FineTuning(NamedTuple):
    """A model carried over to other classes.

    Attributes:
        model: A new keras.Model of raw input.
        history: Values by name (`loss`, `accuracy`, `val_accuracy`, …), one an epoch, the head's
            own epochs first.
        strategy: "freeze", "fine_tune", "svm" or "scratch".

    Example:

    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> tuned = FineTuning(model, {"loss": [0.9, 0.5]}, "freeze")
    >>> tuned.model.output_shape, tuned.history["loss"][-1]
    ((None, 2), 0.5)

    See also:
        `fine_tune`, which returns it.
    """

    model: keras.Model
    history: dict[str, list[float]]
    strategy: str
