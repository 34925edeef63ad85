from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm._types import Tensor
from kerasnorm._validation import as_int
from kerasnorm.imbalance import _class_numbers
from kerasnorm.imbalance._binary import read_binary
from kerasnorm.imbalance.metrics._class_tallies import mean_where, ratio

_WIDEST = 16.0  # logit; beyond it scores count as equal


@keras.saving.register_keras_serializable(package="kerasnorm")
class AveragePrecision(keras.metrics.Metric):
    """The mean over labels of the average precision: how well a label's examples are ranked first.

    For each label it is Σ (Rₙ − Rₙ₋₁) Pₙ over falling thresholds, with precision P and recall R:
    1 if all examples with the label have higher scores than all without, about their share by
    chance. Rare labels count like frequent ones, and no threshold has to be chosen. Labels without
    an example are left out.

    It is scikit-learn's `average_precision_score(average="macro")` of scores in bins: logits from
    −16 to 16, in steps of 1/128 by default, within which they count as equal. (Keras' `AUC` has 200
    bins of probabilities, into the first of which all scores of a rare label may fall.)

    Args:
        num_labels: K; 1 for two classes told by one output.
        from_logits: Whether predictions are logits rather than probabilities. Defaults to True.
        bins: Number of bins. Defaults to 4096.
        name: Name of the metric. Defaults to "average_precision".
        dtype: Dtype of the sums. Defaults to float32.

    Raises:
        ValueError: For invalid arguments; see `update_state`.

    Example:

    >>> metric = AveragePrecision(1, from_logits=False)
    >>> metric.update_state([0, 1, 0, 1], [0.1, 0.9, 0.8, 0.7])
    >>> round(float(metric.result()), 3)  # (1/1 + 2/3) / 2
    0.833

    See also:
        `BalancedAccuracy`, for decisions; `tune_thresholds`, which makes decisions of scores.

    Reference:
        Davis and Goadrich, 2006, The relationship between precision-recall and ROC curves,
        https://doi.org/10.1145/1143844.1143874
    """

    def __init__(
        self,
        num_labels: int,
        from_logits: bool = True,
        bins: int = 4096,
        name: str = "average_precision",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.num_labels = as_int("num_labels", num_labels, low=1)
        self.bins = as_int("bins", bins, low=2)
        self.from_logits = bool(from_logits)
        # weights of the examples without and with each label, in each bin
        self.counts = self.add_variable((2, self.num_labels, self.bins), "zeros", name="counts")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch.

        Args:
            y_true: 0 and 1, (N, K); of one label (N,), too.
            y_pred: Logits or probabilities (N, K); of one label (N,), too.
            sample_weight: (N,). Defaults to None.

        Raises:
            ValueError: For shapes that do not fit; for a label that is neither 0 nor 1, or results
                that are NaN where code is compiled and labels cannot be seen.
        """
        y_true, y_pred = (self._as_rows(values) for values in (y_true, y_pred))
        _class_numbers.check_shapes(y_true, y_pred, (y_pred.shape[0], self.num_labels))
        positive, wrong = read_binary(y_true, None)
        weights = ops.ones_like(y_pred, dtype=self.dtype)
        if sample_weight is not None:
            weights = weights * ops.cast(_class_numbers.to_rank(sample_weight, 2), self.dtype)
        places = self._bin(ops.cast(y_pred, "float32")) + self.bins * ops.arange(self.num_labels)
        places = places + ops.cast(positive, "int32") * self.bins * self.num_labels
        size = 2 * self.num_labels * self.bins
        flat = ops.reshape(weights, (-1,)), ops.reshape(ops.cast(places, "int32"), (-1,))
        found = ops.segment_sum(*flat, num_segments=size)
        wrong = ops.sum(ops.where(wrong, np.nan, ops.zeros_like(weights)))
        self.counts.assign(self.counts + ops.reshape(found, self.counts.shape) + wrong)

    def _as_rows(self, values: Any) -> Tensor:
        values = ops.convert_to_tensor(values)
        one = len(values.shape) == 1 and self.num_labels == 1
        return ops.expand_dims(values, axis=-1) if one else values

    def _bin(self, scores: Tensor) -> Tensor:
        if not self.from_logits:
            low = ops.clip(scores, 1e-30, 1.0)
            scores = ops.log(low) - ops.log(ops.clip(1 - scores, 1e-30, 1.0))
        step = 2 * _WIDEST / self.bins
        places = ops.floor((ops.clip(scores, -_WIDEST, _WIDEST) + _WIDEST) / step)
        return ops.cast(ops.clip(places, 0, self.bins - 1), "int32")

    def result(self) -> Tensor:
        falling = ops.flip(self.counts, axis=-1)  # the highest scores first
        having = falling[1]
        hits, all_above = ops.cumsum(having, axis=-1), ops.cumsum(having + falling[0], axis=-1)
        precision = ops.divide_no_nan(hits, all_above)
        total = hits[:, -1]
        each = ratio(ops.sum(having * precision, axis=-1), total)
        return mean_where(each, ops.not_equal(total, 0))

    def get_config(self) -> dict[str, Any]:
        own = {"num_labels": self.num_labels, "from_logits": self.from_logits, "bins": self.bins}
        return {**super().get_config(), **own}
