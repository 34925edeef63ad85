"""Holds the base class of classification metrics: hits, labels and predictions by class."""

from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm._types import Tensor
from kerasnorm._validation import as_int
from kerasnorm.backend import get_keras_mask
from kerasnorm.imbalance import _class_numbers
from kerasnorm.imbalance._class_numbers import ClassNumbers


class ClassTallies(keras.metrics.Metric):
    """Sums over examples by class: the diagonal and the margins of the confusion matrix.

    Sums of replicas, shards or files can be added.

    Attributes:
        hits: Weight of the correctly classified examples of each class, (K,).
        labels: Weight of all examples of each class, (K,).
        predictions: Weight of the examples predicted as each class, (K,).
    """

    def __init__(self, num_classes: int, ignore_class: int | None, name: str, dtype: Any) -> None:
        super().__init__(name=name, dtype=dtype)
        self.num_classes = as_int("num_classes", num_classes, low=2)
        self.ignore_class = None if ignore_class is None else as_int("ignore_class", ignore_class)
        self.hits = self.add_variable((num_classes,), "zeros", name="hits")
        self.labels = self.add_variable((num_classes,), "zeros", name="labels")
        self.predictions = self.add_variable((num_classes,), "zeros", name="predictions")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch.

        Args:
            y_true: Class numbers (N, ...) or (N, ..., 1), or rows (N, ..., K), the largest of which
                is the label.
            y_pred: Logits or probabilities (N, ..., K). Its Keras mask is respected.
            sample_weight: (N,), or of the shape of the class numbers. Defaults to None.

        Raises:
            ValueError: For shapes that do not fit; for a label outside the classes, or results
                that are NaN where code is compiled and labels cannot be seen.
        """
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        labels = self._read(y_true, y_pred)
        weights = ops.ones_like(labels.numbers, dtype=self.dtype)
        if sample_weight is not None:
            rank = len(labels.numbers.shape)
            sample_weight = _class_numbers.to_rank(sample_weight, rank)
            weights = weights * ops.cast(sample_weight, self.dtype)
        if labels.used is not None:
            weights = ops.where(labels.used, weights, 0)
        predicted = ops.argmax(y_pred, axis=-1)
        hit = ops.equal(ops.cast(predicted, "int32"), labels.numbers)
        wrong = ops.sum(ops.where(labels.wrong, np.nan, ops.zeros_like(weights)))
        for state, numbers, values in (
            (self.hits, labels.numbers, ops.where(hit, weights, 0)),
            (self.labels, labels.numbers, weights),
            (self.predictions, predicted, weights),
        ):
            state.assign(state + self._sum_by_class(values, numbers) + wrong)

    def _read(self, y_true: Tensor, y_pred: Tensor) -> ClassNumbers:
        _class_numbers.check_num_classes(y_pred, self.num_classes)
        if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == self.num_classes:
            # a row of zeros has no class: the number of no class, that is
            empty = ops.all(ops.equal(y_true, 0), axis=-1)
            y_true = ops.where(empty, -1, ops.cast(ops.argmax(y_true, axis=-1), "int32"))
        else:
            y_true = _class_numbers.without_last_axis(y_true, y_pred)
        mask = get_keras_mask(y_pred)
        if mask is not None:
            mask = ops.cast(_class_numbers.to_rank(mask, len(y_true.shape)), "bool")
        return _class_numbers.read_class_numbers(y_true, self.num_classes, self.ignore_class, mask)

    def _sum_by_class(self, values: Tensor, numbers: Tensor) -> Tensor:
        values, numbers = ops.reshape(values, (-1,)), ops.reshape(numbers, (-1,))
        return ops.segment_sum(values, numbers, num_segments=self.num_classes)

    def recalls(self) -> Tensor:
        """Returns the recall of each class, (K,); NaN for a class without examples."""
        return ratio(self.hits, self.labels)

    def get_config(self) -> dict[str, Any]:
        own = {"num_classes": self.num_classes, "ignore_class": self.ignore_class}
        return {**super().get_config(), **own}


def ratio(part: Tensor, whole: Tensor) -> Tensor:
    """Returns part / whole, NaN where whole is 0."""
    part, whole = ops.convert_to_tensor(part), ops.convert_to_tensor(whole)
    there = ops.not_equal(whole, 0)
    return ops.where(there, part / ops.where(there, whole, 1), np.nan)


def mean_where(values: Tensor, there: Tensor) -> Tensor:
    """Returns the mean of the values that are not NaN, or NaN if all are."""
    there = ops.cast(there, values.dtype)
    total = ops.sum(ops.where(ops.equal(there, 1), values, 0))
    return ratio(total, ops.sum(there))
