"""Holds the base classes of the losses: masks, weights and labels."""

from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm._types import Tensor
from kerasnorm._validation import as_int
from kerasnorm.backend import get_keras_mask, set_keras_mask
from kerasnorm.imbalance import _class_numbers
from kerasnorm.imbalance._class_numbers import ClassNumbers

REDUCTION = "sum_over_batch_size"


class PositionLoss(keras.losses.Loss):
    """Base class of losses at every position (N, ...), with Keras masks.

    Unlike in Keras' losses, a mask excludes positions from the formula itself, and the sample
    weight of an example, (N,), applies to all of its positions.
    """

    def __init__(self, reduction: str | None, name: str | None, dtype: Any) -> None:
        policy = keras.dtype_policies.get(dtype or keras.config.floatx())
        wide = keras.backend.result_type(policy.compute_dtype, "float32")
        super().__init__(name=name, reduction=reduction, dtype=wide)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        mask = get_keras_mask(y_pred)
        y_true, y_pred, rank = self.fit_shapes(y_true, y_pred)
        if mask is not None:
            mask = ops.cast(_class_numbers.to_rank(mask, rank), "bool")
            y_pred = ops.where(_class_numbers.to_rank(mask, len(y_pred.shape)), y_pred, 0)
        if sample_weight is not None:
            sample_weight = _class_numbers.to_rank(sample_weight, rank)
        return self.reduced(y_true, mask, ops.cast(y_pred, self.dtype), sample_weight)

    def reduced(
        self, y_true: Tensor, mask: Tensor | None, y_pred: Tensor, sample_weight: Tensor | None
    ) -> Tensor:
        """Returns the reduced loss."""
        return super().__call__(y_true if mask is None else (y_true, mask), y_pred, sample_weight)

    def fit_shapes(self, y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor, int]:
        """Returns labels and predictions as `call` takes them, and how many axes its losses have.

        Raises:
            ValueError: If the shapes do not fit.
        """
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dtype": self.dtype}


class SparseLoss(PositionLoss):
    """Base class of losses of predictions (N, ..., K) and class numbers (N, ...) or (N, ..., 1).

    Attributes:
        class_weights: (K,) floats that multiply the losses of each class, or None; set by
            `DeferredReweighting`.
    """

    of_classes = True  # so `fine_tune` may begin with a solved head

    def __init__(
        self,
        num_classes: int | None,
        ignore_class: int | None,
        reduction: str | None,
        name: str | None,
        dtype: Any,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.num_classes = num_classes
        self.ignore_class = None if ignore_class is None else as_int("ignore_class", ignore_class)
        self.class_weights: np.ndarray | None = None

    def fit_shapes(self, y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor, int]:
        _class_numbers.check_num_classes(y_pred, self.num_classes)
        y_true = _class_numbers.without_last_axis(y_true, y_pred)
        return y_true, y_pred, len(y_true.shape)

    def call(self, y_true: Tensor | tuple[Tensor, Tensor], y_pred: Tensor) -> Tensor:
        labels, logits = self.read(y_true, y_pred)
        losses = self.losses(labels, logits)
        return finish(losses * self.weights(labels), labels.wrong, labels.used)

    def weights(self, labels: ClassNumbers) -> Tensor | float:
        """Returns the class weight of each position, (N, ...), or 1."""
        if self.class_weights is None:
            return 1.0
        weights = ops.convert_to_tensor(self.class_weights, dtype=self.dtype)
        return ops.take(weights, labels.numbers, axis=0)

    def read(
        self, y_true: Tensor | tuple[Tensor, Tensor], y_pred: Tensor
    ) -> tuple[ClassNumbers, Tensor]:
        """Returns the labels, and predictions that are 0 where a label is ignored."""
        y, mask = split(y_true)
        labels = _class_numbers.read_class_numbers(y, y_pred.shape[-1], self.ignore_class, mask)
        if labels.used is not None:
            y_pred = ops.where(ops.expand_dims(labels.used, axis=-1), y_pred, 0)
        return labels, y_pred

    def losses(self, labels: ClassNumbers, logits: Tensor) -> Tensor:
        """Returns the loss of each position, (N, ...)."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "ignore_class": self.ignore_class}


def split(y_true: Tensor | tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor | None]:
    """Returns the labels that `call` gets, and the mask that comes with them if there is one."""
    y, mask = y_true if isinstance(y_true, tuple) else (y_true, None)
    return y, None if mask is None else ops.cast(mask, "bool")


def finish(losses: Tensor, wrong: Tensor, used: Tensor | None) -> Tensor:
    """Returns the losses, NaN where a label is wrong; Keras takes the mean over those used."""
    losses = ops.where(wrong, np.nan, losses)
    if used is not None:
        losses = ops.where(used, losses, 0)
        set_keras_mask(losses, used)
    return losses
