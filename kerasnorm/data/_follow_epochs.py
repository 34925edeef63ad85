"""Samplers that follow the epochs of `fit`."""

from typing import Any

import keras


class FollowEpochs(keras.callbacks.Callback):
    """Makes epoch e of `fit` epoch e of a resampled dataset, wherever `fit` begins.

    Use it with `keras.callbacks.BackupAndRestore`, or `fit(initial_epoch=...)`: training that
    was interrupted then goes on with the examples that it would have had. Without it a dataset
    begins with its first epoch in every new process.

    Args:
        dataset: What `resample` or `ResampledDataset` returned; train on it, or on what follows
            from it (`dataset.map(...)`).

    Raises:
        ValueError: If it is something else, such as that which follows.

    Example:

    >>> import keras
    >>> from kerasnorm.imbalance import resample
    >>> dataset = resample(([[0.0], [1.0], [2.0]], [0, 0, 1]), batch_size=3)
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2)])
    >>> model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    >>> settings = {"callbacks": [FollowEpochs(dataset)], "shuffle": False, "verbose": 0}
    >>> history = model.fit(dataset, initial_epoch=4, epochs=6, **settings)
    >>> dataset.epoch_counter.next
    6
    """

    def __init__(self, dataset: Any) -> None:
        super().__init__()
        self._counter = getattr(dataset, "epoch_counter", None)
        if self._counter is None:
            raise ValueError(
                "`dataset` should be what `resample` or `ResampledDataset` returned itself, not "
                "what `map`, `prefetch` and the like made of it. "
                f"Received: {type(dataset).__name__}."
            )

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Sets the epoch that the dataset yields next."""
        self._counter.next = epoch
