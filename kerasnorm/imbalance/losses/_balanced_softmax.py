from typing import Any

import keras

from kerasnorm.imbalance.losses._logit_adjusted import LogitAdjusted
from kerasnorm.imbalance.losses._position_loss import REDUCTION


@keras.saving.register_keras_serializable(package="kerasnorm")
class BalancedSoftmax(LogitAdjusted):
    """Cross-entropy of a softmax weighted by class counts: n e^z / Σ n e^z.

    The first loss to try for long tails, since it has nothing to tune. It equals `LogitAdjusted`
    with τ = 1, and the notes there apply.

    Args:
        counts: ClassCounts, or examples of each class in training, (K,).
        ignore_class: Label to ignore, such as 255. Defaults to that of a `ClassCounts`.
        reduction: As in `keras.losses.Loss`.
        name: Name of the loss. Defaults to "balanced_softmax".
        dtype: Dtype of the computation; float16 and bfloat16 become float32. Defaults to None.

    Call arguments and errors are as in `LogitAdjusted`.

    Example:

    >>> loss = BalancedSoftmax(counts=[3, 1])
    >>> round(float(loss([1], [[0.0, 0.0]])), 4)  # −log 1/4
    1.3863

    See also:
        `LogitAdjusted`, with τ to choose; `kerasnorm.imbalance.corrections.adjust_logits`, after
        training.

    Reference:
        Ren et al., 2020, Balanced meta-softmax for long-tailed visual recognition,
        https://arxiv.org/abs/2007.10740
    """

    def __init__(
        self,
        counts: Any,
        ignore_class: int | None = None,
        reduction: str | None = REDUCTION,
        name: str = "balanced_softmax",
        dtype: Any = None,
    ) -> None:
        super().__init__(counts, 1.0, ignore_class, reduction, name, dtype)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["tau"]
        return config
