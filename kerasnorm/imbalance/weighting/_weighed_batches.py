"""Weights the labels of PyDatasets."""

from typing import Any

import keras
import numpy as np

from kerasnorm.data import Forwarding, to_numpy
from kerasnorm.imbalance.weighting import _outputs


class WeighedBatches(Forwarding):
    """Returns batches (x, y) or (x, y, w) as (x, y, w times the weight of each label).

    It has the workers of the dataset, which weigh too, and its `epoch_counter` if it has one.
    """

    def __init__(
        self, dataset: keras.utils.PyDataset, class_weights: Any, output: str | int | None
    ) -> None:
        super().__init__(
            dataset,
            workers=dataset.workers,
            use_multiprocessing=dataset.use_multiprocessing,
            max_queue_size=dataset.max_queue_size,
        )
        self._class_weights, self._output = class_weights, output
        if hasattr(dataset, "epoch_counter"):
            self.epoch_counter = dataset.epoch_counter

    def __getitem__(self, index: int) -> tuple[Any, Any, Any]:
        x, y, *existing = _checked(super().__getitem__(index))
        chosen = _outputs.choose(y, self._output)
        return x, y, _outputs.weigh(y, existing, chosen, self._weigh_one, _ones)

    def _weigh_one(self, y: Any, *existing: Any) -> np.ndarray:
        weights = self._class_weights.sample_weights(to_numpy(y))
        if not existing:
            return weights.astype("float32")
        given = _outputs.aligned(to_numpy(existing[0]), weights.shape)
        dtype = given.dtype if given.dtype.kind == "f" else "float32"
        return weights.astype(dtype) * given.astype(dtype)


def _checked(batch: Any) -> tuple[Any, ...]:
    """Returns a batch as a tuple, as Keras reads it, with one output or several."""
    parts = tuple(batch) if isinstance(batch, list) else batch
    found = _outputs.leaves(parts)
    if not found or any(isinstance(leaf, (dict, tuple, list)) for leaf in found):
        raise ValueError(
            "The batches should be (x, y) or (x, y, w), where y is an array, or a dict or tuple "
            "of them; and w is one, or one for each. "
            f"Received: {keras.tree.map_structure(_form, batch)}."
        )
    return parts


def _form(leaf: Any) -> str:
    return f"{type(leaf).__name__} {tuple(getattr(leaf, 'shape', ()))}"


def _ones(labels: Any) -> np.ndarray:
    return np.ones(len(labels), "float32")
