from typing import Any

import keras
from keras import ops

from kerasnorm._types import Tensor
from kerasnorm._validation import as_number
from kerasnorm.imbalance import _class_numbers
from kerasnorm.imbalance._binary import read_binary
from kerasnorm.imbalance.losses import _formulas as formulas
from kerasnorm.imbalance.losses._position_loss import REDUCTION, PositionLoss, finish, split


@keras.saving.register_keras_serializable(package="kerasnorm")
class AsymmetricLoss(PositionLoss):
    """Binary cross-entropy for several labels that down-weights easy labels of 0 more than of 1.

    Use it where an image has few of many labels. With p = sigmoid(z) and p' = max(p − m, 0), a
    label of 1 costs −(1 − p)^γ₊ log p, and a label of 0 costs −p'^γ₋ log(1 − p'): nothing at all up
    to p = m.

    Args:
        gamma_negative: γ₋ ≥ 0. Defaults to 4.0.
        gamma_positive: γ₊ ≥ 0, usually not above γ₋. Defaults to 0.0.
        margin: m in [0, 1). Defaults to 0.05.
        reduction: As in `keras.losses.Loss`.
        name: Name of the loss. Defaults to "asymmetric_loss".
        dtype: Dtype of the computation; float16 and bfloat16 become float32. Defaults to None.

    Call arguments:
        y_true: 0 and 1, (N, K) or (N, ..., K).
        y_pred: Logits of the same shape.
        sample_weight: As in Keras, for losses (N,) or (N, ...).

    The loss of an example is the mean over its K labels (the authors' code takes the sum).

    Raises:
        ValueError: For invalid arguments or shapes; for a label that is neither 0 nor 1, or
            NaN instead of a loss where code is compiled and labels cannot be seen.

    Example:

    >>> loss = AsymmetricLoss(gamma_negative=1, margin=0)
    >>> round(float(loss([[1, 0]], [[0.0, 0.0]])), 3)  # (log 2 + log 2 / 2) / 2
    0.52

    See also:
        `kerasnorm.imbalance.corrections.tune_thresholds`, for after training.

    Reference:
        Ridnik et al., 2021, Asymmetric loss for multi-label classification,
        https://arxiv.org/abs/2009.14119
    """

    def __init__(
        self,
        gamma_negative: float = 4.0,
        gamma_positive: float = 0.0,
        margin: float = 0.05,
        reduction: str | None = REDUCTION,
        name: str = "asymmetric_loss",
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.gamma_negative = as_number("gamma_negative", gamma_negative, 0)
        self.gamma_positive = as_number("gamma_positive", gamma_positive, 0)
        self.margin = as_number("margin", margin, 0, 1)

    def fit_shapes(self, y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor, int]:
        _class_numbers.check_shapes(y_true, y_pred, y_pred.shape)
        return y_true, y_pred, len(y_pred.shape) - 1

    def call(self, y_true: Tensor | tuple[Tensor, Tensor], y_pred: Tensor) -> Tensor:
        y, mask = split(y_true)
        positive, wrong = read_binary(y, None if mask is None else ops.expand_dims(mask, axis=-1))
        hit = formulas.focal(y_pred, self.gamma_positive)
        losses = ops.mean(ops.where(positive, hit, self._miss(y_pred)), axis=-1)
        return finish(losses, ops.any(wrong, axis=-1), mask)

    def _miss(self, logits: Tensor) -> Tensor:
        """Returns the loss of labels of 0."""
        if self.margin == 0:
            return formulas.focal(-logits, self.gamma_negative)
        p = ops.sigmoid(logits)
        above = ops.greater(p, self.margin)
        shifted = ops.where(above, p - self.margin, 0.5)  # never log 0, which has no gradient
        odds = ops.log(shifted) - ops.log(ops.sigmoid(-logits) + self.margin)
        return ops.where(above, formulas.focal(-odds, self.gamma_negative), 0)

    def get_config(self) -> dict[str, Any]:
        own = {
            "gamma_negative": self.gamma_negative,
            "gamma_positive": self.gamma_positive,
            "margin": self.margin,
        }
        return {**super().get_config(), **own}
