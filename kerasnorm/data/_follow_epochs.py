"""Lets samplers follow the epochs of `fit`."""

from typing import Any

import keras


class FollowEpochs(keras.callbacks.Callback):
    """Callback that makes epoch e of `fit` epoch e of a resampled dataset.

    Use it with `keras.callbacks.BackupAndRestore`, or `fit(initial_epoch=...)`: an interrupted
    training then resumes with the same examples as without the interruption. Otherwise a dataset
    starts with its first epoch in every new process.

    Args:
        dataset: Result of `resample` or `ResampledDataset`; train on it, or on a dataset derived
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

    See also:
        `resample` and `ResampledDataset`, whose epochs it sets; `EpochCounter`.
    """

    def __init__(self, dataset: Any) -> None:
        super().__init__()
        self._counter = getattr(dataset, "epoch_counter", None)
        if self._counter is None:
            raise ValueError(
                "`dataset` should be the object that `resample` or `ResampledDataset` returned, "
                "not a result of `map`, `prefetch` and so on. "
                f"Received: {type(dataset).__name__}."
            )

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Sets the epoch that the dataset yields next."""
        self._counter.next = epoch
