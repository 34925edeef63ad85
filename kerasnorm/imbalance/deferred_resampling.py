from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from kerasnorm._validation import as_int
from kerasnorm.imbalance._labels import is_dataset

if TYPE_CHECKING:
    import tensorflow as tf


class DeferredResampling(keras.callbacks.Callback):
    """Trains on one dataset, and from a given epoch on another one ("DRS").

    So that features are learnt from the data as they are, and the classifier in the end from
    resampled ones. It is both a dataset, to train on, and the callback that switches it. What is
    drawn from depends on the number of the epoch alone, so training goes on rightly after a break
    (`initial_epoch`). Leave `steps_per_epoch` alone: an epoch is a pass over the dataset.

    Args:
        before: tf.data.Dataset of batches.
        after: another of the same structure, such as `resample((x, y))`.
        epoch: the first epoch that is drawn from `after`, counted from 0.

    Attributes:
        dataset: tf.data.Dataset to pass to `fit`, on any backend.

    Raises:
        ValueError: for arguments that are none, or datasets of different structure.

    Example:

    >>> import tensorflow as tf
    >>> from kerasnorm.imbalance import resample
    >>> x, y = np.zeros((40, 2), "float32"), np.repeat([0, 1], [36, 4])
    >>> before = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(40).batch(8)
    >>> deferred = DeferredResampling(before, resample((x, y), batch_size=8), epoch=1)
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    >>> model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    >>> history = model.fit(deferred.dataset, epochs=2, callbacks=[deferred], verbose=0)

    Reference: Cao et al., 2019, arXiv:1906.07413.
    """

    def __init__(self, before: "tf.data.Dataset", after: "tf.data.Dataset", epoch: int) -> None:
        super().__init__()
        self.epoch = as_int("epoch", epoch, low=0)
        self._resampled = self.epoch == 0
        for name, dataset in {"before": before, "after": after}.items():
            if not is_dataset(dataset):
                raise ValueError(f"`{name}` should be a tf.data.Dataset. Received: {dataset!r}.")
        self.dataset = self._switched(before, after)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._resampled = epoch >= self.epoch

    def _switched(self, before: "tf.data.Dataset", after: "tf.data.Dataset") -> "tf.data.Dataset":
        """Returns a dataset that decides at the beginning of each pass which of the two it is."""
        import tensorflow as tf

        def one_of_them(_: tf.Tensor) -> tf.data.Dataset:
            resampled = tf.numpy_function(lambda: np.bool_(self._resampled), [], tf.bool)
            everything, nothing = tf.constant(-1, tf.int64), tf.constant(0, tf.int64)
            first = before.take(tf.where(resampled, nothing, everything))
            return first.concatenate(after.take(tf.where(resampled, everything, nothing)))

        options = tf.data.Options()
        options.experimental_external_state_policy = tf.data.experimental.ExternalStatePolicy.IGNORE
        try:
            dataset = tf.data.Dataset.from_tensors(0).flat_map(one_of_them).with_options(options)
        except TypeError as error:
            raise ValueError(
                "`before` and `after` should have the same structure. Received: "
                f"{before.element_spec} and {after.element_spec}."
            ) from error
        if before.cardinality() == after.cardinality() and before.cardinality() >= 0:
            dataset = dataset.apply(tf.data.experimental.assert_cardinality(before.cardinality()))
        return dataset
