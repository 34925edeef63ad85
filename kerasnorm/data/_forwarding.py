"""Wraps a PyDataset that can be exchanged."""

from typing import Any

import keras


class Forwarding(keras.utils.PyDataset):
    """Has the batches, the length and the epochs of `dataset`, which may be exchanged.

    Args:
        dataset: A PyDataset.
        workers: What `keras.utils.PyDataset` takes; by default none.
    """

    def __init__(self, dataset: keras.utils.PyDataset, **workers: Any) -> None:
        super().__init__(**workers)
        self.dataset = dataset

    @property
    def num_batches(self) -> int | None:
        return self.dataset.num_batches

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[index]

    def on_epoch_begin(self) -> None:
        self.dataset.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self.dataset.on_epoch_end()
