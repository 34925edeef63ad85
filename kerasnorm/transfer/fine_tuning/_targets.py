"""The labels that a classifier's head can learn, and the loss that goes with them."""

from typing import Any

import keras
import numpy as np

from kerasnorm.data import as_integers, check_range, labels_of, read_labels
from kerasnorm.models import classes_of, gives_logits, gives_maps, head_and_after

Shape = tuple[int | None, ...]
_TOLERANCE = 1e-3  # of a sum of shares: float16 rounds by as much


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
        ValueError: if they are no whole numbers from 0 up, no rows of shares, or too large.
    """
    labels, units, maps = read_labels(y, name), classes_of(model), gives_maps(model)
    if is_binary(model):
        _check_binary(name, labels, units, rank=3 if maps else 1)
    elif not maps and is_one_hot(labels.shape, units):
        _check_rows(name, labels)
    else:
        _check_numbers(name, labels, units, maps)


def _check_binary(name: str, labels: np.ndarray, units: int, rank: int) -> None:
    one_each = labels.ndim == rank + 1 and labels.shape[-1] == units
    if labels.dtype.kind == "U" or not (one_each or (units == 1 and labels.ndim == rank)):
        raise ValueError(
            f"{labels_of(name)} should be 0 and 1 for each of the {units} outputs of a sigmoid. "
            f"Received: shape {labels.shape} of dtype {labels.dtype}."
        )
    _check_shares(name, labels)


def _check_rows(name: str, labels: np.ndarray) -> None:
    _check_shares(name, labels)
    error = np.abs(labels.sum(axis=1, dtype=np.float64) - 1)
    if (error > _TOLERANCE).any():
        row = int(error.argmax())
        raise ValueError(
            f"{labels_of(name)} should be one-hot rows, or shares of the classes that sum to 1. "
            f"Received: a sum of {labels[row].sum():g} in row {row}. Examples of several classes "
            "need a head with a sigmoid."
        )


def _check_shares(name: str, labels: np.ndarray) -> None:
    wrong = labels[(labels < 0) | (labels > 1)]
    if wrong.size:
        raise ValueError(f"{labels_of(name)} should be 0 and 1. Received: {wrong[0]}.")


def _check_numbers(name: str, labels: np.ndarray, units: int, maps: bool) -> None:
    rank = 3 if maps else 1
    numbers = as_integers(labels, name)
    if numbers.ndim == rank + 1 and numbers.shape[-1] == 1:
        numbers = numbers[..., 0]
    if numbers.ndim != rank:
        form = "(N, H, W) from 0 up" if maps else f"(N,) from 0 up, or one-hot rows (N, {units})"
        raise ValueError(
            f"{labels_of(name)} should be ints {form}. "
            f"Received: shape {labels.shape} of dtype {labels.dtype}."
        )
    fix = (
        "These are the model's outputs: `classes` gives it a head for another number of them; a "
        "`loss` with `ignore_class` leaves labels out."
    )
    check_range(numbers, units, name, fix)


def is_binary(model: keras.Model) -> bool:
    """Returns whether each output is a class of its own that is there or not."""
    sigmoid = keras.activations.sigmoid
    return any(getattr(layer, "activation", None) is sigmoid for layer in head_and_after(model))


def is_one_hot(shape: Shape, units: int) -> bool:
    """Returns whether labels of that shape have a column for each of several classes."""
    return len(shape) == 2 and shape[1] == units > 1
