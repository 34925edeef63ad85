from typing import Any

import keras
from keras import ops

from kerasnorm._types import Tensor


@keras.saving.register_keras_serializable(package="kerasnorm")
class SeesawCounter(keras.metrics.Metric):
    """Metric that holds the labels a `Seesaw` loss has seen, so that a compiled model keeps them.

    The loss does the counting; the metric only shows the total, and is never reset.

    Args:
        num_classes: K.
        name: Name of the metric. Defaults to "seesaw_labels".

    Example:

    >>> counter = SeesawCounter(2)
    >>> int(counter.add(ops.convert_to_tensor([3.0, 1.0]))[0]), int(counter.result())
    (3, 4)
    """

    def __init__(self, num_classes: int, name: str = "seesaw_labels") -> None:
        super().__init__(name=name, dtype="float32")
        self.num_classes = num_classes
        self.counts = self.add_variable((num_classes,), "zeros", name="counts")

    def add(self, counted: Tensor) -> Tensor:
        """Adds examples of each class, (K,), and returns all until now."""
        counts = self.counts + ops.cast(counted, self.dtype)
        self.counts.assign(counts)
        return counts

    def update_state(self, *args: Tensor, **kwargs: Tensor) -> None:
        """Does nothing: the loss has counted already."""

    def reset_state(self) -> None:
        """Does nothing: counts are kept over epochs."""

    def result(self) -> Tensor:
        return ops.sum(self.counts)

    def to_list(self) -> list[float]:
        return ops.convert_to_numpy(self.counts).tolist()

    def get_config(self) -> dict[str, Any]:
        return {"num_classes": self.num_classes, "name": self.name}
