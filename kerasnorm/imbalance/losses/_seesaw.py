import math
from typing import Any

import keras
from keras import ops

from kerasnorm._types import Tensor
from kerasnorm._validation import as_int, as_number
from kerasnorm.backend import update_is_lost
from kerasnorm.imbalance._class_numbers import ClassNumbers, ignored
from kerasnorm.imbalance.counting import as_counts
from kerasnorm.imbalance.losses import _formulas as formulas
from kerasnorm.imbalance.losses._position_loss import REDUCTION, SparseLoss
from kerasnorm.imbalance.losses._seesaw_counter import SeesawCounter

_SMALLEST = 0.01  # of the label's probability in C, as in the authors' code


@keras.saving.register_keras_serializable(package="kerasnorm")
class Seesaw(SparseLoss):
    """Cross-entropy that reduces the penalty of rare classes by frequent ones: z + log (M C).

    For the label y, class j ≠ y has z_j + log M + log C in the softmax, where
    M = min(1, N_j / N_y)^p reduces the penalty that frequent classes put on rare ones, and
    C = max(1, p_j / max(p_y, 0.01))^q restores it where an example is mistaken for j. Neither
    has a gradient.

    N are the labels seen so far, including the batch, at least 1. Every call counts, `evaluate` and
    validation included; a loaded model continues from the saved counts. If the number of examples
    of each class is known, pass `counts` instead. On **JAX** counts of a compiled step are kept
    only by metrics: compile with `metrics=[loss.counter, ...]`, also after loading a model from a
    file, or pass `counts`.

    Args:
        num_classes: K.
        p: p ≥ 0 of M. Defaults to 0.8.
        q: q ≥ 0 of C. Defaults to 2.0.
        counts: ClassCounts, or examples of each class, (K,), which are then fixed. Defaults to
            None.
        ignore_class: Label to ignore, such as 255. Defaults to that of a `ClassCounts`.
        reduction: As in `keras.losses.Loss`.
        name: Name of the loss. Defaults to "seesaw".
        dtype: Dtype of the computation; float16 and bfloat16 become float32. Defaults to None.

    Attributes:
        counter: Metric that holds the labels seen; None if `counts` is given.

    Call arguments:
        y_true: Class numbers (N,), (N, 1), or (N, H, W), of any dtype.
        y_pred: Logits (N, K) or (N, H, W, K).
        sample_weight: As in Keras; (N,) is the weight of all positions of an example.

    Raises:
        ValueError: For invalid arguments or shapes; for a label outside the classes, or NaN
            instead of a loss where code is compiled and labels cannot be seen; where counting is
            not possible.

    Example:

    >>> loss = Seesaw(2, p=1, counts=[99, 1])
    >>> [round(float(loss([label], [[0.0, 0.0]])), 3) for label in (0, 1)]  # M is 1/99 and 1
    [0.01, 0.693]

    See also:
        `BalancedSoftmax`, from known counts; `LDAM`.

    Reference:
        Wang et al., 2021, Seesaw loss for long-tailed instance segmentation,
        https://arxiv.org/abs/2008.10032
    """

    def __init__(
        self,
        num_classes: int,
        p: float = 0.8,
        q: float = 2.0,
        counts: Any = None,
        ignore_class: int | None = None,
        reduction: str | None = REDUCTION,
        name: str = "seesaw",
        dtype: Any = None,
    ) -> None:
        num_classes = as_int("num_classes", num_classes, low=2)
        super().__init__(num_classes, ignored(ignore_class, counts), reduction, name, dtype)
        self.p = as_number("p", p, 0)
        self.q = as_number("q", q, 0)
        self.counts = None if counts is None else as_counts(counts).tolist()
        self.counter = SeesawCounter(num_classes) if counts is None else None
        if counts is not None and len(self.counts) != num_classes:
            raise ValueError(
                f"`counts` should have {num_classes} entries, one per class. "
                f"Received: counts={counts!r}."
            )

    def losses(self, labels: ClassNumbers, logits: Tensor) -> Tensor:
        own = formulas.is_label(labels.numbers, self.num_classes, logits.dtype)
        log_p = ops.stop_gradient(ops.log_softmax(logits, axis=-1))
        own_log_p = ops.expand_dims(formulas.pick(log_p, labels.numbers), axis=-1)
        compensation = ops.maximum(log_p - ops.maximum(own_log_p, math.log(_SMALLEST)), 0)
        log_n = ops.cast(ops.log(ops.maximum(self._seen(labels, own), 1)), logits.dtype)
        own_log_n = ops.expand_dims(ops.take(log_n, labels.numbers, axis=0), axis=-1)
        mitigation = ops.minimum(log_n - own_log_n, 0)
        factors = self.p * mitigation + self.q * compensation
        return formulas.crossentropy(formulas.shifted(logits) + (1 - own) * factors, labels.numbers)

    def _seen(self, labels: ClassNumbers, own: Tensor) -> Tensor:
        """Returns the examples of each class, (K,); where they are counted, these included."""
        if self.counter is None:
            return ops.convert_to_tensor(self.counts, dtype=own.dtype)
        if update_is_lost(self.counter.counts):
            raise ValueError(
                "Seesaw cannot keep what this compiled step counts. Compile the model with "
                "`metrics=[loss.counter]`, or pass `counts` to Seesaw."
            )
        good = ops.logical_not(labels.wrong)
        if labels.used is not None:
            good = ops.logical_and(good, labels.used)
        counted = own * ops.cast(ops.expand_dims(good, axis=-1), own.dtype)
        return self.counter.add(ops.sum(ops.reshape(counted, (-1, self.num_classes)), axis=0))

    def get_config(self) -> dict[str, Any]:
        own = {"num_classes": self.num_classes, "p": self.p, "q": self.q, "counts": self.counts}
        seen = None if self.counter is None else self.counter.to_list()
        return {**super().get_config(), **own, "seen": seen}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Seesaw":
        config = dict(config)
        seen = config.pop("seen", None)
        loss = cls(**config)
        if seen is not None:
            loss.counter.counts.assign(seen)
        return loss
