"""The labels that a classifier's head can learn, and the loss that goes with them."""

from typing import Any

import keras
import numpy as np

from kerasnorm.models import classes_of, gives_logits, gives_maps, head_and_after

Shape = tuple[int | None, ...]


def loss_for(model: keras.Model, shape: Shape) -> keras.losses.Loss:
    """Returns the cross-entropy for a classifier and labels of that shape.

    A sigmoid head learns 0 and 1 in each column; any other one class an example, given as an int
    (N,), (N, 1) or as a one-hot row (N, K), or one class a pixel, ints (N, H, W).
    """
    if is_binary(model):
        return keras.losses.BinaryCrossentropy()
    one_hot = is_one_hot(shape, classes_of(model))
    name = "CategoricalCrossentropy" if one_hot else "SparseCategoricalCrossentropy"
    return getattr(keras.losses, name)(from_logits=gives_logits(model))


def check_labels(name: str, y: Any, model: keras.Model) -> None:
    """Refuses labels that the model's head has no unit for.

    Raises:
        ValueError: if they are no whole numbers from 0 up, no one-hot rows, or too large.
    """
    units, maps = classes_of(model), gives_maps(model)
    if is_binary(model) or (not maps and is_one_hot(y.shape, units)):
        return
    rank = 3 if maps else 1
    labels = y[..., 0] if y.ndim == rank + 1 and y.shape[-1] == 1 else y
    whole = labels.dtype.kind in "biu" or (
        labels.dtype.kind == "f" and np.array_equal(labels, np.floor(labels))
    )
    if labels.ndim != rank or not whole:
        form = "(N, H, W) from 0 up" if maps else f"(N,) from 0 up, or one-hot rows (N, {units})"
        raise ValueError(
            f"The labels of `{name}` should be ints {form}. "
            f"Received: shape {y.shape} of dtype {y.dtype}."
        )
    low, high = labels.min(), labels.max()
    if low < 0 or high >= units:
        raise ValueError(
            f"The model has {units} outputs, so the labels of `{name}` should be from 0 to "
            f"{units - 1}. Received: {low if low < 0 else high}. `classes` gives it a head for "
            "another number of classes; a `loss` with `ignore_class` leaves labels out."
        )


def is_binary(model: keras.Model) -> bool:
    """Returns whether each output is a class of its own that is there or not."""
    sigmoid = keras.activations.sigmoid
    return any(getattr(layer, "activation", None) is sigmoid for layer in head_and_after(model))


def is_one_hot(shape: Shape, units: int) -> bool:
    """Returns whether labels of that shape have a column for each of several classes."""
    return len(shape) == 2 and shape[1] == units > 1
