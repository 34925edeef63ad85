from typing import Any

import keras
from keras import ops

from kerasnorm._types import Tensor
from kerasnorm._validation import as_int
from kerasnorm.imbalance import _class_numbers
from kerasnorm.imbalance._binary import read_binary
from kerasnorm.imbalance.losses._position_loss import REDUCTION, PositionLoss, finish, split


@keras.saving.register_keras_serializable(package="kerasnorm")
class ClassBalancedBinaryCrossentropy(PositionLoss):
    """Binary cross-entropy for contours, in which both classes of each image have equal weight.

    For an image with pixels Y, of which Y⁻ are no contour, β = |Y⁻| / |Y|: a contour pixel costs
    −β log p, another pixel −(1 − β) log(1 − p). For an image of one class β is ½, where the
    formula would make its loss 0. Predictions are wide and too high, since β gives contours a
    large weight; choose a threshold afterwards (`BoundaryFScore`).

    Args:
        from_logits: Whether predictions are logits. Probabilities are clipped to
            [ε, 1 − ε], with ε of `keras.config.epsilon()`, as Keras does: prefer logits.
            Defaults to True.
        ignore_class: Label to ignore, such as 255 where annotators disagree.
            Defaults to None.
        reduction: As in `keras.losses.Loss`: the mean over pixels and images by default.
        name: Name of the loss. Defaults to "class_balanced_binary_crossentropy".
        dtype: Dtype of the computation; float16 and bfloat16 become float32. Defaults to None.

    Call arguments:
        y_true: 0 and 1, (N, H, W) or (N, H, W, 1); or with other axes for H and W.
        y_pred: (N, H, W, 1) or (N, H, W).
        sample_weight: Weights (N,) or (N, H, W), which do not change β.

    Raises:
        ValueError: For shapes that do not fit; for a label that is neither 0 nor 1, or NaN instead
            of a loss where code is compiled and labels cannot be seen.

    Example:

    >>> loss = ClassBalancedBinaryCrossentropy(reduction=None)
    >>> values = loss([[1, 0, 0, 0]], keras.ops.zeros((1, 4)))  # β is 3/4
    >>> [round(float(value), 3) for value in values[0]]
    [0.52, 0.173, 0.173, 0.173]

    See also:
        `kerasnorm.imbalance.metrics.BoundaryFScore`, to measure contours.

    Reference:
        Xie and Tu, 2015, "Holistically-nested edge detection", https://arxiv.org/abs/1504.06375
    """

    of_classes = True  # so `fine_tune` may begin with a solved head,
    of_contours = True  # in which the classes of each image weigh the same

    def __init__(
        self,
        from_logits: bool = True,
        ignore_class: int | None = None,
        reduction: str | None = REDUCTION,
        name: str = "class_balanced_binary_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.from_logits = bool(from_logits)
        self.ignore_class = None if ignore_class is None else as_int("ignore_class", ignore_class)

    def fit_shapes(self, y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor, int]:
        if len(y_pred.shape) == len(y_true.shape) + 1 and y_pred.shape[-1] == 1:
            y_pred = ops.squeeze(y_pred, axis=-1)
        elif len(y_true.shape) == len(y_pred.shape) + 1 and y_true.shape[-1] == 1:
            y_true = ops.squeeze(y_true, axis=-1)
        _class_numbers.check_shapes(y_true, y_pred, y_pred.shape)
        return y_true, y_pred, len(y_pred.shape)

    def call(self, y_true: Tensor | tuple[Tensor, Tensor], y_pred: Tensor) -> Tensor:
        y, mask = split(y_true)
        used = None if self.ignore_class is None else ops.not_equal(y, self.ignore_class)
        used = _class_numbers.masked(used, mask, y)
        positive, wrong = read_binary(y, used)
        beta = _share_of_negatives(positive, used, y_pred.dtype)
        losses = ops.where(positive, beta, 1 - beta) * self._crossentropy(positive, y_pred)
        return finish(losses, wrong, used)

    def _crossentropy(self, positive: Tensor, predictions: Tensor) -> Tensor:
        if self.from_logits:
            return ops.softplus(ops.where(positive, -predictions, predictions))
        epsilon = keras.config.epsilon()
        p = ops.clip(predictions, epsilon, 1 - epsilon)
        return -ops.where(positive, ops.log(p), ops.log1p(-p))

    def get_config(self) -> dict[str, Any]:
        own = {"from_logits": self.from_logits, "ignore_class": self.ignore_class}
        return {**super().get_config(), **own}


def _share_of_negatives(positive: Tensor, used: Tensor | None, dtype: str) -> Tensor:
    """Returns β of each image, (N, 1, ...); ½ if all pixels have one class."""
    axes = tuple(range(1, len(positive.shape)))
    used = ops.ones_like(positive, dtype=dtype) if used is None else ops.cast(used, dtype)
    total = ops.sum(used, axis=axes, keepdims=True)
    positives = ops.sum(ops.cast(positive, dtype) * used, axis=axes, keepdims=True)
    both = ops.logical_and(ops.greater(positives, 0), ops.less(positives, total))
    return ops.where(both, 1 - positives / ops.maximum(total, 1), 0.5)
