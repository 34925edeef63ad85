from typing import Any

import keras
from keras import ops

from kerasnorm._types import Tensor
from kerasnorm.imbalance.metrics._class_tallies import ClassTallies, mean_where


@keras.saving.register_keras_serializable(package="kerasnorm")
class BalancedAccuracy(ClassTallies):
    """The mean recall of the classes that have examples: accuracy if they were equally frequent.

    It is scikit-learn's `balanced_accuracy_score`.

    Args:
        num_classes: K.
        ignore_class: label that is left out, such as 255.
        name: of the metric.
        dtype: of the sums; float32 by default.

    Raises:
        ValueError: see `update_state`.

    Example:

    >>> metric = BalancedAccuracy(3)
    >>> metric.update_state([0, 0, 1, 1], [[2, 1, 0], [0, 1, 0], [0, 3, 0], [0, 4, 0]])
    >>> float(metric.result())
    0.75

    Reference:
        Brodersen et al., 2010, https://doi.org/10.1109/ICPR.2010.764
    """

    def __init__(
        self,
        num_classes: int,
        ignore_class: int | None = None,
        name: str = "balanced_accuracy",
        dtype: Any = None,
    ) -> None:
        super().__init__(num_classes, ignore_class, name, dtype)

    def result(self) -> Tensor:
        return mean_where(self.recalls(), ops.not_equal(self.labels, 0))
