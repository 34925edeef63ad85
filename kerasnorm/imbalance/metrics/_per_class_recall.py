from typing import Any

import keras

from kerasnorm._types import Tensor
from kerasnorm.imbalance.metrics._class_tallies import ClassTallies


@keras.saving.register_keras_serializable(package="kerasnorm")
class PerClassRecall(ClassTallies):
    """The share of each class that is recognised, (K,): NaN for a class that has no example.

    In `fit`, the progress bar shows the mean and the history has all; `BalancedAccuracy` is one
    number for callbacks to watch.

    Args:
        num_classes: K.
        ignore_class: label that is left out, such as 255.
        name: of the metric.
        dtype: of the sums; float32 by default.

    Raises:
        ValueError: see `update_state`.

    Example:

    >>> metric = PerClassRecall(3)
    >>> metric.update_state([0, 0, 1, 1], [[2, 1, 0], [0, 1, 0], [0, 3, 0], [0, 4, 0]])
    >>> [round(float(recall), 2) for recall in metric.result()]
    [0.5, 1.0, nan]
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
