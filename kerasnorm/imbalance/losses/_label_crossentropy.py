from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm._types import Tensor
from kerasnorm._validation import as_number
from kerasnorm.data import to_numpy
from kerasnorm.imbalance import _class_numbers
from kerasnorm.imbalance._binary import read_binary
from kerasnorm.imbalance.losses import _formulas as formulas
from kerasnorm.imbalance.losses._position_loss import REDUCTION, PositionLoss, finish, split


@keras.saving.register_keras_serializable(package="kerasnorm")
class LabelCrossentropy(PositionLoss):
    """Binary cross-entropy of one label, or of each of several, focal and weighed by label.

    For examples that have a label or not: one logit for two classes, or K logits for K labels of
    which an example may have several. With p the probability of what is so, the label or its
    absence, each label costs −w (1 − p)^γ log p. Unlike Keras' binary losses it weights presence
    and absence of each label and clips no logits.

    Args:
        gamma: γ ≥ 0, how fast the weight falls with p; 0 is plain cross-entropy. Defaults to 0.0.
        label_weights: w: (K, 2) numbers from 0 up, of the absence and the presence of each label,
            or (2,) for all labels; None: 1 each.
        from_logits: Whether predictions are logits. Probabilities are clipped to
            [ε, 1 − ε], with ε of `keras.config.epsilon()`, as Keras does: prefer logits.
            Defaults to True.
        reduction: As in `keras.losses.Loss`.
        name: Name of the loss. Defaults to "label_crossentropy".
        dtype: Dtype of the computation; float16 and bfloat16 become float32. Defaults to None.

    Call arguments:
        y_true: 0 and 1, (N, K); of one label (N,), too.
        y_pred: (N, K).
        sample_weight: As in Keras, (N,).

    The loss of an example is the mean over its K labels.

    Raises:
        ValueError: For invalid arguments or shapes; for a label that is neither 0 nor 1, or
            NaN instead of a loss where code is compiled and labels cannot be seen.

    Example:

    >>> loss = LabelCrossentropy(label_weights=[1, 3])
    >>> round(float(loss([[1, 0]], [[0.0, 0.0]])), 3)  # (3 log 2 + log 2) / 2
    1.386

    See also:
        `AsymmetricLoss`, which focuses labels of 0 more than those of 1; `class_weights`.

    Reference:
        Lin et al., 2017, Focal loss for dense object detection, https://arxiv.org/abs/1708.02002
    """

    of_classes = True  # so `fine_tune` may begin with a solved head,
    of_labels = True  # in which each label is learnt by itself

    def __init__(
        self,
        gamma: float = 0.0,
        label_weights: Any = None,
        from_logits: bool = True,
        reduction: str | None = REDUCTION,
        name: str = "label_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.gamma = as_number("gamma", gamma, 0)
        self.label_weights = None if label_weights is None else _as_weights(label_weights)
        self.from_logits = bool(from_logits)

    def fit_shapes(self, y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor, int]:
        if len(y_pred.shape) == len(y_true.shape) + 1 and y_pred.shape[-1] == 1:
            y_true = ops.expand_dims(y_true, axis=-1)
        _class_numbers.check_shapes(y_true, y_pred, y_pred.shape)
        known = None if self.label_weights is None else len(self.label_weights)
        if known not in (None, 1, y_pred.shape[-1]):
            raise ValueError(
                f"`label_weights` are of {known} labels. Received: predictions of shape "
                f"{tuple(y_pred.shape)}."
            )
        return y_true, y_pred, len(y_pred.shape) - 1

    def call(self, y_true: Tensor | tuple[Tensor, Tensor], y_pred: Tensor) -> Tensor:
        y, mask = split(y_true)
        positive, wrong = read_binary(y, None if mask is None else ops.expand_dims(mask, axis=-1))
        odds = self._log_odds(y_pred)
        losses = formulas.focal(ops.where(positive, odds, -odds), self.gamma)
        if self.label_weights is not None:
            absence, presence = self.label_weights.T.astype("float32")
            losses = losses * ops.cast(ops.where(positive, presence, absence), losses.dtype)
        return finish(ops.mean(losses, axis=-1), ops.any(wrong, axis=-1), mask)

    def _log_odds(self, predictions: Tensor) -> Tensor:
        if self.from_logits:
            return predictions
        epsilon = keras.config.epsilon()
        p = ops.clip(predictions, epsilon, 1 - epsilon)
        return ops.log(p) - ops.log1p(-p)

    def get_config(self) -> dict[str, Any]:
        weights = None if self.label_weights is None else self.label_weights.tolist()
        own = {"gamma": self.gamma, "label_weights": weights, "from_logits": self.from_logits}
        return {**super().get_config(), **own}


def _as_weights(weights: Any) -> np.ndarray:
    """Returns weights of absence and presence, float64 (K, 2), or (1, 2) for all labels."""
    array = to_numpy(weights, "label_weights")
    array = array[None] if array.ndim == 1 else array
    fits = array.ndim == 2 and array.shape[1] == 2 and len(array) and array.dtype.kind in "biuf"
    if not fits or not (np.isfinite(array) & (array >= 0)).all() or not array.any():
        raise ValueError(
            "`label_weights` should be numbers (K, 2) from 0 up, of the absence and the presence "
            f"of each label, or (2,) for all labels. Received: {weights!r}."
        )
    return array.astype("float64")
