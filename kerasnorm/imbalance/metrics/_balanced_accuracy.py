from typing import Any

import keras
from keras import ops

from kerasnorm._types import Tensor
from kerasnorm.imbalance.metrics._class_tallies import ClassTallies, mean_where


@keras.saving.register_keras_serializable(package="kerasnorm")
class BalancedAccuracy(ClassTallies):
    """Mean recall of the classes that have examples, as scikit-learn's `balanced_accuracy_score`.

    It is the accuracy if all classes were equally frequent.

    Args:
        num_classes: K.
        ignore_class: Label to ignore, such as 255. Defaults to None.
        name: Name of the metric. Defaults to "balanced_accuracy".
        dtype: Dtype of the sums. Defaults to float32.

    Raises:
        ValueError: See `update_state`.

    Example:

    >>> metric = BalancedAccuracy(3)
    >>> metric.update_state([0, 0, 1, 1], [[2, 1, 0], [0, 1, 0], [0, 3, 0], [0, 4, 0]])
    >>> float(metric.result())
    0.75

    See also:
        `PerClassRecall`, of which it is the mean; `MacroF1`.

    Reference:
        Brodersen et al., 2010, The balanced accuracy and its posterior distribution,
        https://doi.org/10.1109/ICPR.2010.764
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
