"""The labels that a classifier's head can learn, and the loss that goes with them."""

from typing import Any

import keras
import numpy as np

from kerasnorm.surgery.heads import find_head, gives_logits


def loss_for(model: keras.Model, y: np.ndarray) -> keras.losses.Loss:
    """Returns the cross-entropy for a classifier and labels like `y`.

    A sigmoid head learns 0 and 1 in each column; any other one class an example, given as an int
    (N,), (N, 1) or as a one-hot row (N, K).
    """
    if is_binary(model):
        return keras.losses.BinaryCrossentropy()
    one_hot = is_one_hot(y, find_head(model).units)
    name = "CategoricalCrossentropy" if one_hot else "SparseCategoricalCrossentropy"
    return getattr(keras.losses, name)(from_logits=gives_logits(model))


def check_labels(name: str, y: Any, model: keras.Model) -> None:
    """Refuses labels that the model's head has no unit for.

    Raises:
        ValueError: if they are no whole numbers from 0 up, no one-hot rows, or too large.
    """
    units = find_head(model).units
    if is_binary(model) or is_one_hot(y, units):
        return
    labels = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    whole = labels.dtype.kind in "biu" or (
        labels.dtype.kind == "f" and np.array_equal(labels, np.floor(labels))
    )
    if labels.ndim != 1 or not whole:
        raise ValueError(
            f"The labels of `{name}` should be ints (N,) from 0 up, or one-hot rows (N, {units}). "
            f"Received: shape {y.shape} of dtype {y.dtype}."
        )
    low, high = labels.min(), labels.max()
    if low < 0 or high >= units:
        raise ValueError(
            f"The model has {units} outputs, so the labels of `{name}` should be from 0 to "
            f"{units - 1}. Received: {low if low < 0 else high}. `classes` gives it a head for "
            "another number of classes."
        )


def is_binary(model: keras.Model) -> bool:
    """Returns whether each output is a class of its own that is there or not."""
    return model.layers[-1].activation is keras.activations.sigmoid


def is_one_hot(y: np.ndarray, units: int) -> bool:
    """Returns whether labels have a column for each of several classes."""
    return y.ndim == 2 and y.shape[1] == units > 1
