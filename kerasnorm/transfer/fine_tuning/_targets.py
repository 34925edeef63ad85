"""The labels that a classifier's head can learn, and the loss that goes with them."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from kerasnorm.data import as_integers, check_range, labels_of, read_class_weight, read_labels
from kerasnorm.models import classes_of, ends_in, gives_logits, gives_maps

Shape = tuple[int | None, ...]
OF_ROWS = (keras.losses.CategoricalCrossentropy, keras.losses.CategoricalFocalCrossentropy)
OF_EACH = (keras.losses.BinaryCrossentropy, keras.losses.BinaryFocalCrossentropy)
CROSS_ENTROPIES = {  # by the names that `compile` takes
    "binary_crossentropy": OF_EACH[0],
    "binary_focal_crossentropy": OF_EACH[1],
    "categorical_crossentropy": OF_ROWS[0],
    "categorical_focal_crossentropy": OF_ROWS[1],
    "sparse_categorical_crossentropy": keras.losses.SparseCategoricalCrossentropy,
}
_FIX = (
    "These are the model's outputs: `classes` gives it a head for another number of them; a "
    "`loss` with `ignore_class` leaves labels out."
)
_TOLERANCE = 1e-3  # of a sum of shares: float16 rounds by as much


def loss_for(model: keras.Model, shape: Shape) -> keras.losses.Loss:
    """Returns the cross-entropy for a classifier and labels of that shape.

    A sigmoid head, or one of a single logit, learns 0 and 1 in each column; any other one class an
    example, given as an int (N,), (N, 1) or as a one-hot row (N, K), or one class a pixel, ints
    (N, H, W).
    """
    if is_binary(model):
        return keras.losses.BinaryCrossentropy(from_logits=gives_logits(model))
    one_hot = is_one_hot(shape, classes_of(model))
    name = "CategoricalCrossentropy" if one_hot else "SparseCategoricalCrossentropy"
    return getattr(keras.losses, name)(from_logits=gives_logits(model))


def metrics_for(metrics: Iterable[Any], model: keras.Model) -> list[Any]:
    """Returns the metrics, "accuracy" for a single logit with the threshold of logits."""
    if not (is_binary(model) and gives_logits(model)):
        return list(metrics)
    named = ("accuracy", "acc")
    return [
        keras.metrics.BinaryAccuracy(each, threshold=0.0) if each in named else each
        for each in metrics
    ]


def check_labels(name: str, y: Any, model: keras.Model, loss: Any = None) -> None:
    """Refuses labels that the model's head has no unit for, or that a cross-entropy cannot learn.

    Args:
        name: the argument's name, for messages.
        y: the labels.
        model: A classifier.
        loss: what `compile` takes; None: the cross-entropy that fits. Labels may have any shape
            that it takes, and any values if it is no cross-entropy.

    Raises:
        ValueError: if they are no whole numbers from 0 up, no rows of shares, or too large.
    """
    if loss is not None:
        _check_values(name, y, model, loss)
        return
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


def _check_values(name: str, y: Any, model: keras.Model, loss: Any) -> None:
    """Refuses labels that a cross-entropy of the user's cannot learn."""
    if isinstance(loss, str) or not isinstance(loss, keras.losses.Loss):
        loss = CROSS_ENTROPIES.get(loss if isinstance(loss, str) else getattr(loss, "__name__", ""))
        loss = loss and loss()
    if isinstance(loss, OF_EACH) or getattr(loss, "of_labels", False):
        _check_shares(name, read_labels(y, name))
    elif isinstance(loss, OF_ROWS):
        _check_rows(name, read_labels(y, name))
    elif isinstance(loss, keras.losses.SparseCategoricalCrossentropy):
        numbers = as_integers(read_labels(y, name), name)
        kept = numbers if loss.ignore_class is None else numbers[numbers != loss.ignore_class]
        check_range(kept, classes_of(model), name, _FIX)


def check_class_weight(weights: Any, model: keras.Model, loss: Any, weighed: bool = False) -> None:
    """Refuses weights that are not one for each class of the model.

    Args:
        weights: the argument.
        model: a classifier.
        loss: what `compile` takes; None: the cross-entropy that fits.
        weighed: whether the examples have weights of their own.

    Raises:
        ValueError: if a class is missing or unknown, or a weight is no finite number from 0 up; if
            they are for several labels, or cannot be multiplied by weights of the examples.
    """
    if weighed and not hasattr(weights, "map"):
        raise ValueError(
            "Keras takes either sample weights or a dict of class weights. Received: both. Pass "
            "`class_weight=kerasnorm.imbalance.ClassWeights(…)` of the dict, which multiplies them."
        )
    of_labels = (loss is None and is_binary(model)) or isinstance(loss, OF_EACH)
    of_labels = of_labels or getattr(loss, "of_labels", False)
    if of_labels and classes_of(model) > 1:
        raise ValueError(
            "`class_weight` weighs examples of one class, and an example may have several labels "
            f"here, one for each of {classes_of(model)} outputs. Leave it out, and weigh them by "
            "`loss=kerasnorm.imbalance.LabelCrossentropy(label_weights=…)`."
        )
    known = loss is None or isinstance(loss, (*OF_EACH, *OF_ROWS))
    known = known or (isinstance(loss, str) and loss in CROSS_ENTROPIES)
    units = classes_of(model) if known else None
    read_class_weight(weights, 2 if units == 1 else units)


def _check_rows(name: str, labels: np.ndarray) -> None:
    _check_shares(name, labels)
    error = np.abs(labels.sum(axis=-1, dtype=np.float64) - 1)
    if (error > _TOLERANCE).any():
        row = int(np.argwhere(error > _TOLERANCE)[0, 0])
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
    check_range(numbers, units, name, _FIX)


def is_binary(model: keras.Model) -> bool:
    """Returns whether each output is a class of its own that is there or not."""
    return ends_in(model, "sigmoid") or (classes_of(model) == 1 and gives_logits(model))


def is_one_hot(shape: Shape, units: int) -> bool:
    """Returns whether labels of that shape have a column for each of several classes."""
    return len(shape) == 2 and shape[1] == units > 1
