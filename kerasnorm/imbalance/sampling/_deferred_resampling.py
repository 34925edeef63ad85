from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from kerasnorm._validation import as_int
from kerasnorm.data import Forwarding, is_dataset, read_dataset

if TYPE_CHECKING:
    import tensorflow as tf


class DeferredResampling(keras.callbacks.Callback):
    """Switches from one dataset to another at a given epoch ("DRS").

    Features are learned from the data as they are, and the classifier in the last epochs from
    resampled data. The object is both the dataset to train on and the callback that switches it.
    Draws depend only on the number of the epoch, so that training resumes correctly after an
    interruption (`initial_epoch`): epoch e of `fit` is epoch e of `resample` or
    `ResampledDataset`, as with `FollowEpochs`. Do not set `steps_per_epoch`: an epoch is a pass
    over the dataset.

    Args:
        before: tf.data.Dataset of batches, or a `keras.utils.PyDataset`.
        after: Another of the same kind and structure, such as `resample((x, y))`. A PyDataset,
            such as `ResampledDataset((x, y))`, should have as many batches as `before`.
        epoch: First epoch that is drawn from `after`, counted from 0.

    Attributes:
        dataset: Data to pass to `fit`: a tf.data.Dataset, on any backend, or a PyDataset, with
            `shuffle=False` to keep the order of the batches. It has no workers, as
            `ResampledDataset` has none; wrap it in a PyDataset that has them.

    Raises:
        ValueError: For invalid arguments, or datasets of different structure; for
            PyDatasets of different length, or without an end.

    Example:

    >>> from kerasnorm.imbalance import ResampledDataset
    >>> x, y = np.zeros((40, 2), "float32"), np.repeat([0, 1], [36, 4])
    >>> before = ResampledDataset((x, y), weights=np.ones(40), batch_size=8)
    >>> deferred = DeferredResampling(before, ResampledDataset((x, y), batch_size=8), epoch=1)
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    >>> model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    >>> history = model.fit(deferred.dataset, epochs=2, callbacks=[deferred], verbose=0)

    See also:
        `DeferredReweighting`, which weights the loss instead; `resample`.

    Reference:
        Cao et al., 2019, Learning imbalanced datasets with label-distribution-aware margin loss,
        https://arxiv.org/abs/1906.07413
    """

    def __init__(
        self,
        before: "tf.data.Dataset | keras.utils.PyDataset",
        after: "tf.data.Dataset | keras.utils.PyDataset",
        epoch: int,
    ) -> None:
        super().__init__()
        self.epoch = as_int("epoch", epoch, low=0)
        self._before, self._after = before, after
        self._current = self._of_epoch(0)
        if is_dataset(before) and is_dataset(after):
            self.dataset = self._switched()
        elif all(isinstance(each, keras.utils.PyDataset) for each in (before, after)):
            _check_alike(before, after)
            self.dataset = Forwarding(self._current)
        else:
            raise ValueError(
                "`before` and `after` should be two tf.data.Datasets or two "
                "keras.utils.PyDatasets. "
                f"Received: {type(before).__name__} and {type(after).__name__}."
            )

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._current = self._of_epoch(epoch)
        if isinstance(self.dataset, Forwarding):
            self.dataset.dataset = self._current
        if hasattr(self._current, "epoch_counter"):
            self._current.epoch_counter.next = epoch

    def _of_epoch(self, epoch: int) -> Any:
        return self._after if epoch >= self.epoch else self._before

    def _switched(self) -> "tf.data.Dataset":
        """Returns a dataset that chooses between the two at the start of each pass."""
        import tensorflow as tf

        before, after = self._before, self._after

        def one_of_them(_: tf.Tensor) -> tf.data.Dataset:
            resampled = tf.numpy_function(lambda: np.bool_(self._current is after), [], tf.bool)
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
        sizes = {getattr(read_dataset(each), "size", None) for each in (before, after)}
        if len(sizes) == 1 and None not in sizes:
            dataset = dataset.apply(tf.data.experimental.assert_cardinality(*sizes))
        return dataset


def _check_alike(before: keras.utils.PyDataset, after: keras.utils.PyDataset) -> None:
    """Refuses PyDatasets that Keras cannot train on alternately."""
    lengths = before.num_batches, after.num_batches
    if not lengths[0] or lengths[0] != lengths[1]:
        raise ValueError(
            "`before` and `after` should have the same number of batches, since Keras asks a "
            "PyDataset for it once. Set the batch size, or `epoch_size` of a ResampledDataset. "
            f"Received: num_batches {lengths[0]} and {lengths[1]}."
        )
    batches = before[0], after[0]
    try:
        keras.tree.assert_same_structure(*batches)
    except (ValueError, TypeError) as error:
        forms = [keras.tree.map_structure(lambda leaf: type(leaf).__name__, b) for b in batches]
        raise ValueError(
            f"`before` and `after` should have the same structure. Received: {forms[0]} and "
            f"{forms[1]}."
        ) from error
