from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm._types import Tensor
from kerasnorm.imbalance._class_numbers import ignored
from kerasnorm.imbalance.counting import ClassCounts, as_counts
from kerasnorm.imbalance.metrics._class_tallies import ClassTallies, mean_where


@keras.saving.register_keras_serializable(package="kerasnorm")
class GroupAccuracy(ClassTallies):
    """Mean recall of the classes with many, medium and few examples in training.

    Args:
        counts: ClassCounts, or examples of each class in training, (K,).
        many: A class with more examples than this is in "many". Defaults to 100.
        few: A class with fewer examples than this is in "few". Defaults to 20.
        ignore_class: Label to ignore, such as 255. Defaults to that of a `ClassCounts`.
        name: Name of the metric. Defaults to "group_accuracy".
        dtype: Dtype of the sums. Defaults to float32.

    The result is a dict: "many", "medium" and "few", the mean over those classes of the group that
    have examples here; NaN if there is none.

    Raises:
        ValueError: For counts or bounds that are none; see `update_state`.

    Example:

    >>> metric = GroupAccuracy([500, 50, 5])
    >>> metric.update_state([0, 0, 1, 1], [[2, 1, 0], [0, 1, 0], [0, 3, 0], [0, 4, 0]])
    >>> {name: float(value) for name, value in metric.result().items()}
    {'many': 0.5, 'medium': 1.0, 'few': nan}

    See also:
        `PerClassRecall`; `kerasnorm.imbalance.ClassCounts.groups`.

    Reference:
        Liu et al., 2019 (Large-scale long-tailed recognition), https://arxiv.org/abs/1904.05160
    """

    def __init__(
        self,
        counts: Any,
        many: float = 100,
        few: float = 20,
        ignore_class: int | None = None,
        name: str = "group_accuracy",
        dtype: Any = None,
    ) -> None:
        n = as_counts(counts)
        super().__init__(len(n), ignored(ignore_class, counts), name, dtype)
        self.counts, self.many, self.few = n.tolist(), many, few
        self.groups = ClassCounts(n).groups(many, few)

    def result(self) -> dict[str, Tensor]:
        recalls, present = self.recalls(), ops.not_equal(self.labels, 0)
        classes = np.arange(self.num_classes)
        return {
            name: mean_where(recalls, ops.logical_and(present, np.isin(classes, members)))
            for name, members in self.groups.items()
        }

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["num_classes"]
        return {**config, "counts": self.counts, "many": self.many, "few": self.few}
