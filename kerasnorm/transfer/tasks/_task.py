"""Defines a task: what is predicted for each example, and its loss."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm._validation import check_choice
from kerasnorm.backups import checksum, describe
from kerasnorm.data import encode_labels, to_numpy
from kerasnorm.transfer.tasks._default_head import Shape, default_head

KINDS = ("classification", "regression")


class Task:
    """Target to predict for each of N examples: a label or numbers, or a map of them.

    A map of labels or numbers makes the task dense: image to image.

    Args:
        name: Str that is not empty.
        targets: For kind "classification" `(N,)` labels or `(N, H, W)` label maps, integers or
            strings; of kind "regression" `(N,)` or `(N, D)` numbers, or `(N, H, W)` or
            `(N, H, W, C)` maps of numbers.
        kind: "classification" or "regression".
        loss: Keras loss, its name, or a function of (targets, predictions), which gives values
            `(N, ...)`; their mean is the loss of an example. None: the cross-entropy from logits,
            or the squared error of numbers that are standardized, each column or channel by itself,
            so that no unit outweighs the others. With your own loss, numbers are unchanged.
        head: Function of the shapes of features and predictions, without N, that returns a new
            keras.Model; None: `default_head`.

    Attributes:
        name, kind: As given.
        targets: int32 codes of the sorted labels, or float32 numbers `(N, D)` or `(N, H, W, C)`.
        output_shape: The shape of a prediction: `(K,)` logits or `(D,)` numbers; in dense tasks
            `(H, W, K)` or `(H, W, C)`.

    Raises:
        ValueError: If the targets do not fit the kind, there is one class, or numbers are not
            finite.

    Example:

    >>> Task("animal", ["cat", "owl", "ox"], "classification").output_shape
    (3,)
    >>> Task("depth", np.zeros((5, 16, 16)), "regression").output_shape
    (16, 16, 1)

    See also:
        `TaskAffinity`, which compares tasks.
    """

    def __init__(
        self,
        name: str,
        targets: Any,
        kind: str,
        loss: Any = None,
        head: Callable[[Shape, Shape], keras.Model] | None = None,
    ) -> None:
        if not isinstance(name, str) or not name:
            raise ValueError(f"`name` should be a str that is not empty. Received: {name!r}.")
        self.name = name
        self.kind: str = check_choice("kind", kind, KINDS)
        self._loss, self._head = loss, default_head if head is None else head
        self.targets: np.ndarray
        self.output_shape: Shape
        if kind == "classification":
            self.targets, classes = _read_classes(name, targets)
            self.output_shape = (*self.targets.shape[1:], classes)
            own = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        else:
            self.targets = _read_numbers(name, targets, standardise=loss is None)
            self.output_shape = self.targets.shape[1:]
            own = keras.losses.MeanSquaredError()
        found = own if loss is None else keras.losses.get(loss)
        self._values = getattr(found, "call", found)  # of a Keras loss: before its reduction

    def losses(self, targets: Any, predictions: Any) -> Any:
        """Returns the loss of each example, `(N,)` float32, as a tensor of the backend.

        Raises:
            ValueError: If the loss is one number for all of them.
        """
        values = ops.cast(self._values(targets, ops.cast(predictions, "float32")), "float32")
        if len(values.shape) == 0:
            raise ValueError(
                f"The loss of task '{self.name}' should give values (N, ...), one or more for each "
                "example. Received: one number. Leave out its mean over the examples."
            )
        return ops.mean(ops.reshape(values, (ops.shape(values)[0], -1)), axis=1)

    def build_head(self, features: Shape) -> keras.Model:
        """Returns a new head for features of a shape, given without N.

        Raises:
            ValueError: If the head's predictions are of another shape than the task's.
        """
        model = self._head(features, self.output_shape)
        if model.output_shape[1:] != self.output_shape:
            raise ValueError(
                f"The head of task '{self.name}' should predict {self.output_shape} for each "
                f"example. Received: a model that predicts {model.output_shape[1:]}."
            )
        return model

    def describe(self) -> dict[str, Any]:
        """Returns what decides the losses of the task, as JSON has it."""
        return {
            "kind": self.kind,
            "targets": checksum(self.targets),
            "loss": describe(self._values),
            "head": describe(self._head),
        }

    def representation(self, rows: np.ndarray) -> np.ndarray:
        """Returns the targets of some examples as vectors, float32: labels become one-hot."""
        targets = self.targets[rows]
        if self.kind == "classification":
            targets = np.eye(self.output_shape[-1], dtype="float32")[targets]
        return targets.reshape(len(targets), -1)

    def __repr__(self) -> str:
        return f"<Task {self.name!r}: {self.kind}, predicts {self.output_shape}>"


def _read_classes(name: str, targets: Any) -> tuple[np.ndarray, int]:
    """Returns the index of each label's class, and how many classes there are."""
    labels = to_numpy(targets, "targets")
    if labels.ndim == 3 and labels.size:
        classes, codes = encode_labels("targets", labels.ravel())
        codes = codes.reshape(labels.shape)
    else:
        classes, codes = encode_labels("targets", labels)
    if len(classes) < 2:
        raise ValueError(
            f"Task '{name}' should have at least two classes. Received: {classes.tolist()}."
        )
    return codes.astype("int32"), len(classes)


def _read_numbers(name: str, targets: Any, standardise: bool) -> np.ndarray:
    numbers = to_numpy(targets, "targets")
    if numbers.ndim not in (1, 2, 3, 4) or not numbers.size or numbers.dtype.kind not in "biuf":
        raise ValueError(
            f"Task '{name}' of kind 'regression' should have numbers (N,), (N, D), (N, H, W) or "
            f"(N, H, W, C) as targets. Received: shape {numbers.shape}, dtype {numbers.dtype}."
        )
    if not np.isfinite(numbers).all():
        raise ValueError(
            f"The targets of task '{name}' should be finite. Received: NaN or infinity."
        )
    if numbers.ndim in (1, 3):
        numbers = numbers[..., None]
    numbers = numbers.astype(np.float64)
    if standardise:
        axes = tuple(range(numbers.ndim - 1))
        deviation = numbers.std(axis=axes)
        numbers = (numbers - numbers.mean(axis=axes)) / np.where(deviation > 0, deviation, 1)
    return numbers.astype("float32")
