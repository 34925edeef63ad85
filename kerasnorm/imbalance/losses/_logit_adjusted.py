from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm._types import Tensor
from kerasnorm._validation import as_number
from kerasnorm.imbalance._class_numbers import ClassNumbers, ignored
from kerasnorm.imbalance.counting import as_counts
from kerasnorm.imbalance.losses import _formulas as formulas
from kerasnorm.imbalance.losses._position_loss import REDUCTION, SparseLoss


@keras.saving.register_keras_serializable(package="kerasnorm")
class LogitAdjusted(SparseLoss):
    """Cross-entropy of logits adjusted by the class frequencies: z + τ log π.

    π are the class frequencies in training. A rare class must exceed frequent ones by a margin in
    training, so that the plain logits of the model suit equally frequent classes: with τ = 1 the
    loss is consistent for the balanced error. Combine it with no other balancing, and do not use
    `adjust_logits` afterwards.

    A class of count 0 has frequency 0: it is excluded from the softmax, its logit gets no gradient,
    and an example of it has an infinite loss.

    Args:
        counts: ClassCounts, or examples of each class in training, (K,).
        tau: τ ≥ 0. Defaults to 1.0.
        ignore_class: Label to ignore, such as 255. Defaults to that of a `ClassCounts`.
        reduction: As in `keras.losses.Loss`.
        name: Name of the loss. Defaults to "logit_adjusted".
        dtype: Dtype of the computation; float16 and bfloat16 become float32. Defaults to None.

    Call arguments:
        y_true: Class numbers (N,), (N, 1), or (N, H, W), of any dtype.
        y_pred: Logits (N, K) or (N, H, W, K).
        sample_weight: As in Keras; (N,) is the weight of all positions of an example.

    Raises:
        ValueError: For invalid arguments or shapes; for a label outside the classes, or NaN
            instead of a loss where code is compiled and labels cannot be seen.

    Example:

    >>> loss = LogitAdjusted(counts=[90, 10])
    >>> [round(float(loss([label], [[0.0, 0.0]])), 3) for label in (0, 1)]  # −log π
    [0.105, 2.303]

    See also:
        `BalancedSoftmax`; `kerasnorm.imbalance.corrections.adjust_logits`, after training.

    Reference:
        Menon et al., 2021, Long-tail learning via logit adjustment,
        https://arxiv.org/abs/2007.07314
    """

    def __init__(
        self,
        counts: Any,
        tau: float = 1.0,
        ignore_class: int | None = None,
        reduction: str | None = REDUCTION,
        name: str = "logit_adjusted",
        dtype: Any = None,
    ) -> None:
        n = as_counts(counts)
        super().__init__(len(n), ignored(ignore_class, counts), reduction, name, dtype)
        self.counts = n.tolist()
        self.tau = as_number("tau", tau, 0)

    def losses(self, labels: ClassNumbers, logits: Tensor) -> Tensor:
        handicaps = ops.convert_to_tensor(_handicaps(self.counts, self.tau), dtype=logits.dtype)
        return formulas.crossentropy(formulas.shifted(logits) + handicaps, labels.numbers)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "counts": self.counts, "tau": self.tau}


def _handicaps(counts: list[int], tau: float) -> np.ndarray:
    """Returns τ log π, −∞ for a class with no example."""
    n = np.array(counts, np.float64)
    logs = np.log(np.where(n > 0, n, 1) / n.sum())
    return np.where(n > 0, tau * logs, -np.inf)
