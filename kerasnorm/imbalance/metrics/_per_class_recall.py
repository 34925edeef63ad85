from typing import Any

import keras

from kerasnorm._types import Tensor
from kerasnorm.imbalance.metrics._class_tallies import ClassTallies


@keras.saving.register_keras_serializable(package="kerasnorm")
class PerClassRecall(ClassTallies):
    """Recall of each class, (K,); NaN for a class without examples.

    In `fit` the progress bar shows the mean and the history has all values; callbacks can monitor
    `BalancedAccuracy`, which is one number.

    Args:
        num_classes: K.
        ignore_class: Label to ignore, such as 255. Defaults to None.
        name: Name of the metric. Defaults to "per_class_recall".
        dtype: Dtype of the sums. Defaults to float32.

    Raises:
        ValueError: See `update_state`.

    Example:

    >>> metric = PerClassRecall(3)
    >>> metric.update_state([0, 0, 1, 1], [[2, 1, 0], [0, 1, 0], [0, 3, 0], [0, 4, 0]])
    >>> [round(float(recall), 2) for recall in metric.result()]
    [0.5, 1.0, nan]

    See also:
        `BalancedAccuracy`, its mean; `GroupAccuracy`.
    """

    def __init__(
        self,
        num_classes: int,
        ignore_class: int | None = None,
        name: str = "per_class_recall",
        dtype: Any = None,
    ) -> None:
        super().__init__(num_classes, ignore_class, name, dtype)

    def result(self) -> Tensor:
        return self.recalls()
