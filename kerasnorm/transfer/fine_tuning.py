"""What `fine_tune` returns."""

from typing import NamedTuple

import keras


class FineTuning(NamedTuple):
    """A model carried over to other classes.

    Attributes:
        model: a new keras.Model of raw input.
        history: values by name (`loss`, `accuracy`, `val_accuracy`, …), one an epoch, the head's
            own epochs first.
        strategy: "freeze", "fine_tune", "svm" or "scratch".
    """

    model: keras.Model
    history: dict[str, list[float]]
    strategy: str
