from typing import Any

import keras
from keras import ops

from kerasnorm._types import Tensor
from kerasnorm.imbalance.metrics._class_tallies import ClassTallies, mean_where, ratio


@keras.saving.register_keras_serializable(package="kerasnorm")
class MacroF1(ClassTallies):
    """Mean over classes of F1 = 2 · hits / (labels + predictions).

    A class that is absent from labels and predictions is skipped (Keras' `F1Score` counts it as
    0); a class that is predicted but has no label counts as 0. It is scikit-learn's
    `f1_score(average="macro")`.

    Args:
        num_classes: K.
        ignore_class: Label to ignore, such as 255. Defaults to None.
        name: Name of the metric. Defaults to "macro_f1".
        dtype: Dtype of the sums. Defaults to float32.

    Raises:
        ValueError: See `update_state`.

    Example:

    >>> metric = MacroF1(3)
    >>> metric.update_state([0, 0, 1, 1], [[2, 1, 0], [0, 1, 0], [0, 3, 0], [0, 4, 0]])
    >>> round(float(metric.result()), 4)  # (2/3 + 4/5) / 2
    0.7333

    See also:
        `BalancedAccuracy`; `keras.metrics.F1Score`.

    Reference:
        Opitz and Burst, 2019, Macro F1 and macro F1, https://arxiv.org/abs/1911.03347
    """

    def __init__(
        self,
        num_classes: int,
        ignore_class: int | None = None,
        name: str = "macro_f1",
        dtype: Any = None,
    ) -> None:
        super().__init__(num_classes, ignore_class, name, dtype)

    def result(self) -> Tensor:
        seen = self.labels + self.predictions
        return mean_where(ratio(2 * self.hits, seen), ops.not_equal(seen, 0))
