from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm._types import Tensor
from kerasnorm._validation import check_choice
from kerasnorm.imbalance.losses import _formulas as formulas
from kerasnorm.imbalance.losses._position_loss import REDUCTION, SparseLoss


@keras.saving.register_keras_serializable(package="kerasnorm")
class LovaszSoftmax(SparseLoss):
    """Convex surrogate of the mean intersection over union, for segmentation.

    For each class c the errors |[y = c] − p_c| of the pixels are sorted, largest first, and summed
    with the steps by which the Jaccard loss 1 − |∩| / |∪| grows when these pixels become wrong one
    after the other. Small classes count as much as large ones. Use it to fine-tune after
    cross-entropy, or add both; alone and from scratch it learns slowly.

    Args:
        classes: "present" for the mean over classes that have labels, "all" over all classes.
            Defaults to "present".
        per_image: Whether pixels are sorted within their image, rather than in the whole batch.
            Defaults to False.
        from_logits: Whether predictions are logits, rather than probabilities. Defaults to True.
        ignore_class: Label to ignore, such as 255. Defaults to None.
        reduction: As in `keras.losses.Loss`. Every image has the loss of the batch unless
            `per_image`.
        name: Name of the loss. Defaults to "lovasz_softmax".
        dtype: Dtype of the computation; float16 and bfloat16 become float32. Defaults to None.

    Call arguments:
        y_true: Class numbers (N, H, W) or (N, H, W, 1), of any dtype; or with other axes for H
            and W, or none.
        y_pred: (N, H, W, K).
        sample_weight: (N,) or (N, H, W). A pixel of weight w counts as w pixels in the index, and
            the loss is multiplied by the mean weight, as if Keras had done it.

    Raises:
        ValueError: For invalid arguments or shapes; for a label outside the classes, or NaN
            instead of a loss where code is compiled and labels cannot be seen.

    Example:

    >>> loss = LovaszSoftmax(from_logits=False)
    >>> y, p = [[0, 0, 1]], [[[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]]]
    >>> round(float(loss(y, p)), 3)  # (0.5 · 1/2 + 0.5 · 1/2) / 2
    0.25

    See also:
        `SparseFocalCrossentropy`; `keras.metrics.MeanIoU`, to measure it.

    Reference:
        Berman et al., 2018, The Lovász-softmax loss, https://arxiv.org/abs/1705.08790
    """

    def __init__(
        self,
        classes: str = "present",
        per_image: bool = False,
        from_logits: bool = True,
        ignore_class: int | None = None,
        reduction: str | None = REDUCTION,
        name: str = "lovasz_softmax",
        dtype: Any = None,
    ) -> None:
        super().__init__(None, ignore_class, reduction, name, dtype)
        self.classes = check_choice("classes", classes, ("present", "all"))
        self.per_image = bool(per_image)
        self.from_logits = bool(from_logits)

    def reduced(
        self, y_true: Tensor, mask: Tensor | None, y_pred: Tensor, sample_weight: Tensor | None
    ) -> Tensor:
        if sample_weight is not None:
            mask = ops.ones_like(y_true, "bool") if mask is None else mask
            y_true, mask = (y_true, mask, sample_weight), None
        return super().reduced(y_true, mask, y_pred, None)

    def call(self, y_true: Tensor | tuple[Tensor, ...], y_pred: Tensor) -> Tensor:
        y_true, weights = (y_true[:2], y_true[2:]) if isinstance(y_true, tuple) else (y_true, ())
        labels, predictions = self.read(y_true, y_pred)
        used = ops.ones_like(labels.wrong) if labels.used is None else labels.used
        used = ops.cast(used, self.dtype)
        measure = used * self.weights(labels)
        for weight in weights:
            measure = measure * weight
        p = ops.softmax(predictions, axis=-1) if self.from_logits else predictions
        own = formulas.is_label(labels.numbers, p.shape[-1], self.dtype)
        losses = _lovasz(
            self._by_class(ops.abs(own - p)),
            self._by_class(own),
            self._flat(measure),
            self.classes == "present",
        )
        losses = losses * _mean(self._flat(measure), self._flat(used))
        losses = ops.where(ops.any(self._flat(labels.wrong), axis=-1), np.nan, losses)
        return ops.broadcast_to(losses, ops.shape(measure)[:1])

    def _flat(self, values: Tensor) -> Tensor:
        """Returns values (N, ...) as (images, pixels): one image unless `per_image`."""
        return ops.reshape(values, (ops.shape(values)[0] if self.per_image else 1, -1))

    def _by_class(self, values: Tensor) -> Tensor:
        """Returns values (N, ..., K) as (images, K, pixels)."""
        images = ops.shape(values)[0] if self.per_image else 1
        return ops.transpose(ops.reshape(values, (images, -1, values.shape[-1])), (0, 2, 1))

    def get_config(self) -> dict[str, Any]:
        own = {
            "classes": self.classes,
            "per_image": self.per_image,
            "from_logits": self.from_logits,
        }
        return {**super().get_config(), **own}


def _lovasz(errors: Tensor, own: Tensor, measure: Tensor, only_present: bool) -> Tensor:
    """Returns the mean over classes of the sorted errors times the steps of the Jaccard loss.

    Args:
        errors: (images, K, pixels).
        own: 1 where a pixel is of the class, of the same shape.
        measure: How many pixels each counts as, (images, pixels).
        only_present: Whether the mean is over classes that have pixels.
    """
    measure = ops.broadcast_to(ops.expand_dims(measure, axis=1), ops.shape(errors))
    order = ops.argsort(-ops.stop_gradient(errors), axis=-1)
    errors, own, measure = (
        ops.take_along_axis(values, order, axis=-1) for values in (errors, own, measure)
    )
    total = ops.sum(own * measure, axis=-1, keepdims=True)
    losses = ops.sum(errors * ops.stop_gradient(_steps(own, measure, total)), axis=-1)
    present = ops.cast(ops.greater(total[..., 0], 0), losses.dtype)
    return _mean(losses * present, present) if only_present else ops.mean(losses, axis=-1)


def _steps(own: Tensor, measure: Tensor, total: Tensor) -> Tensor:
    """Returns how much each pixel, once wrong, adds to 1 − |∩| / |∪|; all sorted.

    The differences are written out: of the quotients themselves float32 would keep two digits for
    a million pixels. Where a class has no pixel the first error makes the loss 1.
    """
    other = measure * (1 - own)
    union = total + ops.cumsum(other, axis=-1)
    before = union - other
    left = total - ops.cumsum(measure * own, axis=-1)
    one = ops.ones_like(union)
    union = ops.where(ops.greater(union, 0), union, one)
    started = ops.greater(before, 0)
    first = ops.cast(ops.greater(other, 0), union.dtype)
    steps = ops.where(ops.equal(own, 1), measure, other * left / union)
    return ops.where(started, steps / ops.where(started, before, one), first)


def _mean(weighted: Tensor, weights: Tensor) -> Tensor:
    """Returns Σ weighted / Σ weights over the last axis, 0 where there are no weights."""
    return ops.divide_no_nan(ops.sum(weighted, axis=-1), ops.sum(weights, axis=-1))
