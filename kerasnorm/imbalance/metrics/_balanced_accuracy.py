import math
from typing import Any

import keras
from keras import ops

from kerasnorm._types import Tensor
from kerasnorm._validation import as_number
from kerasnorm.backend import get_keras_mask, set_keras_mask
from kerasnorm.imbalance.metrics._class_tallies import ClassTallies, mean_where


@keras.saving.register_keras_serializable(package="kerasnorm")
class BalancedAccuracy(ClassTallies):
    """Mean recall of the classes that have examples, as scikit-learn's `balanced_accuracy_score`.

    It is the accuracy if all classes were equally frequent.

    Args:
        num_classes: K.
        ignore_class: Label to ignore, such as 255. Defaults to None.
        threshold: For two classes told by one output: what it is above for class 1, such as 0 of a
            logit and ½ of a sigmoid. None: predictions have an output for each class.
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
        threshold: float | None = None,
    ) -> None:
        super().__init__(num_classes, ignore_class, name, dtype)
        self.threshold = (
            None
            if threshold is None
            else as_number("threshold", threshold, -math.inf, interval="()")
        )
        if threshold is not None and num_classes != 2:
            raise ValueError(
                "A `threshold` is for two classes told by one output. "
                f"Received: num_classes={num_classes}."
            )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        if self.threshold is not None:
            y_pred = ops.convert_to_tensor(y_pred)
            mask = get_keras_mask(y_pred)
            if len(y_pred.shape) == 1:
                y_pred = ops.expand_dims(y_pred, axis=-1)
            bound = ops.full_like(y_pred, self.threshold)
            y_pred = ops.concatenate([bound, y_pred], axis=-1)
            if mask is not None:
                set_keras_mask(y_pred, mask)
        super().update_state(y_true, y_pred, sample_weight)

    def result(self) -> Tensor:
        return mean_where(self.recalls(), ops.not_equal(self.labels, 0))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "threshold": self.threshold}
