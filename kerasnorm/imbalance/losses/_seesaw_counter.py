from typing import Any

import keras
from keras import ops

from kerasnorm._types import Tensor


@keras.saving.register_keras_serializable(package="kerasnorm")
class SeesawCounter(keras.metrics.Metric):
    """The labels that a `Seesaw` loss has seen, where a compiled model can keep them.

    The loss counts; as a metric this only shows how many there are, and is never reset.

    Args:
        num_classes: K.
        name: of the metric.

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
        """Does nothing: an epoch goes on from the last."""

    def result(self) -> Tensor:
        return ops.sum(self.counts)

    def to_list(self) -> list[float]:
        return ops.convert_to_numpy(self.counts).tolist()

    def get_config(self) -> dict[str, Any]:
        return {"num_classes": self.num_classes, "name": self.name}
