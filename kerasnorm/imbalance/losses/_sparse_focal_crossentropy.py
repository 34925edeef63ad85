from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm._types import Tensor
from kerasnorm._validation import as_number
from kerasnorm.imbalance._class_numbers import ClassNumbers
from kerasnorm.imbalance.losses import _formulas as formulas
from kerasnorm.imbalance.losses._position_loss import REDUCTION, SparseLoss


@keras.saving.register_keras_serializable(package="kerasnorm")
class SparseFocalCrossentropy(SparseLoss):
    """Cross-entropy that down-weights easy examples: −α (1 − p)^γ log p.

    Made for detection, where almost everything is easy background. In classification it gives hard
    examples of all classes the same weight, so it does not favour rare ones. With γ = 0 and no α
    it is plain cross-entropy, which `DeferredReweighting` can weight. Unlike Keras' focal loss it
    takes class numbers, sums over classes instead of averaging, and does not clip logits.

    Args:
        gamma: γ ≥ 0, how fast the weight decreases with the probability p of the label.
            Defaults to 2.0.
        alpha: Number that multiplies all losses, or (K,) numbers, one per class. Defaults to None.
        from_logits: Whether predictions are logits. Probabilities are clipped to
            [ε, 1 − ε], with ε of `keras.config.epsilon()`, as Keras does: prefer logits.
            Defaults to True.
        ignore_class: Label to ignore, such as 255; the mean is over the other positions.
            Defaults to None.
        reduction: As in `keras.losses.Loss`.
        name: Name of the loss. Defaults to "sparse_focal_crossentropy".
        dtype: Dtype of the computation; float16 and bfloat16 become float32. Defaults to None.

    Call arguments:
        y_true: Class numbers (N,), (N, 1), or (N, H, W), of any dtype.
        y_pred: (N, K) or (N, H, W, K).
        sample_weight: As in Keras; (N,) is the weight of all positions of an example.

    Raises:
        ValueError: For invalid arguments or shapes; for a label outside the classes, or NaN
            instead of a loss where code is compiled and labels cannot be seen.

    Example:

    >>> loss = SparseFocalCrossentropy(gamma=2)
    >>> float(loss([0, 1], [[2.0, 0.0], [0.0, 0.0]]))  # (0.0018 + 0.1733) / 2
    0.0875...

    See also:
        `keras.losses.CategoricalFocalCrossentropy`; `BalancedSoftmax`, for rare classes.

    Reference:
        Lin et al., 2017, Focal loss for dense object detection, https://arxiv.org/abs/1708.02002
    """

    def __init__(
        self,
        gamma: float = 2.0,
        alpha: Any = None,
        from_logits: bool = True,
        ignore_class: int | None = None,
        reduction: str | None = REDUCTION,
        name: str = "sparse_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        self.alpha = None if alpha is None else _as_alpha(alpha)
        classes = len(self.alpha) if isinstance(self.alpha, list) else None
        super().__init__(classes, ignore_class, reduction, name, dtype)
        self.gamma = as_number("gamma", gamma, 0)
        self.from_logits = bool(from_logits)

    def losses(self, labels: ClassNumbers, logits: Tensor) -> Tensor:
        if self.from_logits:
            odds = formulas.log_odds(logits, labels.numbers)
        else:
            epsilon = keras.config.epsilon()
            p = ops.clip(formulas.pick(logits, labels.numbers), epsilon, 1 - epsilon)
            odds = ops.log(p) - ops.log1p(-p)
        losses = formulas.focal(odds, self.gamma)
        if self.alpha is None:
            return losses
        alpha = ops.convert_to_tensor(self.alpha, dtype=losses.dtype)
        return losses * (ops.take(alpha, labels.numbers, axis=0) if len(alpha.shape) else alpha)

    def get_config(self) -> dict[str, Any]:
        own = {"gamma": self.gamma, "alpha": self.alpha, "from_logits": self.from_logits}
        return {**super().get_config(), **own}


def _as_alpha(alpha: Any) -> float | list[float]:
    values = np.asarray(list(alpha.values()) if isinstance(alpha, dict) else alpha)
    valid = values.dtype.kind in "iuf" and values.ndim < 2 and values.size
    if valid and (np.isfinite(values) & (values >= 0)).all():
        return values.astype(float).tolist()
    raise ValueError(
        "`alpha` should be None, a number, or one per class, (K,); finite and not negative. "
        f"Received: alpha={alpha!r}."
    )
