"""Batches of features that are computed once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerasnorm.data import Batches, each_batch, in_order, read_weights, shuffled
from kerasnorm.transfer.fine_tuning._feature_cache import cache_features


@dataclass(frozen=True)
class FeatureBatches:
    """How features are kept and drawn.

    Attributes:
        limit: bytes that memory may hold of the features of each set of examples.
        batch_size: examples a batch.
        seed: of the order of the training examples, where they bring none.
        verbose: 1 shows a progress bar, 0 does not.
        check: refuses labels, given their argument's name.
    """

    limit: int
    batch_size: int
    seed: int
    verbose: int
    check: Callable[[str, np.ndarray], None]

    def of(self, base: keras.Model, name: str, data: Any, folder: Path) -> Batches:
        """Returns batches of the features of labelled examples, and their labels."""
        labels: list[np.ndarray] = []
        weights: list[np.ndarray] = []
        order = getattr(data, "order", None)
        data = in_order(data)  # and the features will be drawn as the examples would have been

        def inputs() -> Iterator[Any]:
            for x, y, *of_examples in each_batch(data):
                labels.append(y)
                weights.extend(of_examples)
                yield x

        total = len(data) if isinstance(data, keras.utils.PyDataset) else None
        path = folder / name
        features = cache_features(base, inputs(), path, self.limit, total, self.verbose)
        y = np.concatenate(labels)
        self.check(name, y)
        if order is None and name == "train":
            order = shuffled(len(y), self.seed)
        found = read_weights(np.concatenate(weights), len(y), name) if weights else None
        return Batches(features, y, self.batch_size, order, found)
