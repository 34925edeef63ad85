from typing import Any

import keras

from kerasnorm.imbalance.losses._logit_adjusted import LogitAdjusted
from kerasnorm.imbalance.losses._position_loss import REDUCTION


@keras.saving.register_keras_serializable(package="kerasnorm")
class BalancedSoftmax(LogitAdjusted):
    """Cross-entropy of a softmax in which a class counts by its examples: n e^z / Σ n e^z.

    It is `LogitAdjusted` with τ = 1, found by another way, and all that is said there holds here:
    the one to begin with for long tails, since there is nothing to tune.

    Args:
        counts: ClassCounts, or examples of each class in training, (K,).
        ignore_class: label that is left out, such as 255; by default that of a `ClassCounts`.
        reduction: as in `keras.losses.Loss`.
        name: of the loss.
        dtype: of the computation; float16 and bfloat16 become float32.

    Call arguments and errors are those of `LogitAdjusted`.

    Example:

    >>> loss = BalancedSoftmax(counts=[3, 1])
    >>> round(float(loss([1], [[0.0, 0.0]])), 4)  # −log 1/4
    1.3863

    Reference:
        Ren et al., 2020, https://arxiv.org/abs/2007.10740
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
