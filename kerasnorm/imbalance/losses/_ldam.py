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
class LDAM(SparseLoss):
    """Cross-entropy with a larger margin for rarer classes ("label-distribution-aware margin").

    The logit of the label is lowered by the margin Δ = C n^(−1/4), then all logits are scaled by s:
    −log softmax(s (z − Δ))[y]. Margins need bounded logits: let the model end in `CosineDense`.
    The paper uses it with `DeferredReweighting`.

    Args:
        counts: ClassCounts, or examples of each class in training, (K,). A class with no example
            has the largest margin.
        max_margin: Margin of the rarest class, > 0, in units of the cosine; sets C.
            Defaults to 0.5.
        scale: s > 0. The model's probabilities are softmax(s z). Defaults to 30.0.
        ignore_class: Label to ignore, such as 255. Defaults to that of a `ClassCounts`.
        reduction: As in `keras.losses.Loss`.
        name: Name of the loss. Defaults to "ldam".
        dtype: Dtype of the computation; float16 and bfloat16 become float32. Defaults to None.

    Call arguments:
        y_true: Class numbers (N,), (N, 1), or (N, H, W), of any dtype.
        y_pred: Cosines (N, K) or (N, H, W, K).
        sample_weight: As in Keras; (N,) is the weight of all positions of an example.

    Raises:
        ValueError: For invalid arguments or shapes; for a label outside the classes, or NaN
            instead of a loss where code is compiled and labels cannot be seen.

    Example:

    >>> loss = LDAM(counts=[160, 10], scale=10)  # margins 0.25 and 0.5
    >>> [round(float(loss([label], [[0.0, 0.0]])), 3) for label in (0, 1)]
    [2.579, 5.007]

    See also:
        `kerasnorm.imbalance.CosineDense`; `kerasnorm.imbalance.DeferredReweighting`;
        `BalancedSoftmax`.

    Reference:
        Cao et al., 2019, Learning imbalanced datasets with label-distribution-aware margin loss,
        https://arxiv.org/abs/1906.07413
    """

    def __init__(
        self,
        counts: Any,
        max_margin: float = 0.5,
        scale: float = 30.0,
        ignore_class: int | None = None,
        reduction: str | None = REDUCTION,
        name: str = "ldam",
        dtype: Any = None,
    ) -> None:
        n = as_counts(counts)
        super().__init__(len(n), ignored(ignore_class, counts), reduction, name, dtype)
        self.counts = n.tolist()
        self.max_margin = as_number("max_margin", max_margin, 0, interval="()")
        self.scale = as_number("scale", scale, 0, interval="()")

    def losses(self, labels: ClassNumbers, logits: Tensor) -> Tensor:
        n = np.array(self.counts, np.float64)
        rarest = n[n > 0].min()
        margins = self.max_margin * (rarest / np.maximum(n, rarest)) ** 0.25
        own = formulas.is_label(labels.numbers, len(n), logits.dtype)
        lowered = formulas.shifted(logits) - own * ops.convert_to_tensor(
            margins, dtype=logits.dtype
        )
        return formulas.crossentropy(self.scale * lowered, labels.numbers)

    def get_config(self) -> dict[str, Any]:
        own = {"counts": self.counts, "max_margin": self.max_margin, "scale": self.scale}
        return {**super().get_config(), **own}
