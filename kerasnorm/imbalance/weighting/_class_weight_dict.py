"""Holds a weight for each class."""

from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np

from kerasnorm.data import (
    NO_CLASS,
    as_integers,
    check_range,
    check_zero_one,
    has_class_axis,
    read_class_weight,
    read_labels,
)


class ClassWeights(dict[int, float]):
    """Dict from class to weight, as `class_weights` returns it.

    Use it as `fit(class_weight=weights)` where the labels are (N,) or one-hot. Keras takes
    the argmax of anything else (multilabel rows, (N, T), tf.data label maps) and silently gives
    unknown labels weight 1: for these, and with sample weights, use `sample_weights` on arrays and
    `map` on datasets. Both read labels in the same way:

    - class numbers of any shape give weights of that shape; the `ignore_class` has weight 0, and
      any other label outside the classes is an error;
    - if there is no `ignore_class`, labels of shape (N, K), with K the number of classes, are
      one-hot or multilabel and give weights (N,): the mean weight of the classes of the row. A
      row with no class is an error. So are one-hot maps (N, ..., K) of rank 4 and more, or of
      rank 3 if they are not integers. Integers are class numbers all the same where `positions`
      says so.

    Args:
        weights: A dict of the classes 0 to K - 1, or pairs of a class and its weight.
        ignore_class: Label that has weight 0, such as 255. Defaults to None.
        positions: Whether examples have a label at each of several positions, as label maps and
            sequences do; `class_weights` sets it according to the labels that were counted.
            Defaults to False.

    Raises:
        ValueError: If a class is missing, a weight is negative or not finite, or all are 0.

    Example:

    >>> weights = ClassWeights({0: 0.5, 1: 1.5}, ignore_class=255)
    >>> weights.sample_weights([[0, 1], [255, 0]])
    array([[0.5, 1.5],
           [0. , 0.5]])

    See also:
        `class_weights`, which returns it; `DeferredReweighting`.
    """

    def __init__(
        self, weights: Any, ignore_class: int | None = None, positions: bool = False
    ) -> None:
        if isinstance(weights, Iterable) and not isinstance(weights, Mapping):
            pairs = list(weights)
            weights = dict(pairs) if all(map(_is_pair, pairs)) else pairs
        read_class_weight(weights)
        super().__init__(weights)
        self.ignore_class = ignore_class
        self.positions = positions

    def has_class_axis(self, shape: tuple[int | None, ...], integer: bool) -> bool:
        """Whether labels of this shape have one column per class, rather than class numbers."""
        if self.ignore_class is not None or (integer and self.positions):
            return False
        return has_class_axis(shape, integer, len(self))

    def as_numpy(self) -> np.ndarray:
        """Returns the weights in the order of the classes: float64 (K,)."""
        return read_class_weight(self)

    def as_tensor(self, dtype: str = "float32") -> Any:
        """Returns the weights in the order of the classes, as a tensor of the Keras backend.

        Args:
            dtype: Dtype of the tensor. Defaults to "float32".

        Returns:
            A tensor (K,).

        Example:

        >>> tuple(ClassWeights({0: 0.5, 1: 1.5}).as_tensor().shape)
        (2,)
        """
        return keras.ops.convert_to_tensor(self.as_numpy(), dtype=dtype)

    def sample_weights(self, y: Any) -> Any:
        """Returns the weight of every label, for `fit(sample_weight=...)`.

        Args:
            y: Labels, an array-like or a tensor with values (not a symbolic one), read as the
                class says.

        Returns:
            NumPy float64 for what is no tensor, a tensor of Keras' default float dtype for a
            tensor; of the labels' shape, without the class axis of one-hot and multilabel.

        Raises:
            ValueError: If a label is outside the classes, no whole number, or no class at all.

        Example:

        >>> ClassWeights({0: 0.5, 1: 1.5}).sample_weights([[0], [1]])
        array([[0.5],
               [1.5]])
        """
        labels = read_labels(y)
        table = self.as_numpy()
        if self.has_class_axis(labels.shape, labels.dtype.kind in "iu"):
            weights = _row_means(labels, table)
        else:
            numbers = as_integers(labels)
            ignored = np.zeros(numbers.shape, bool)
            if self.ignore_class is not None:
                ignored = numbers == self.ignore_class
            check_range(numbers[~ignored], len(table))
            weights = np.where(ignored, 0.0, table[np.where(ignored, 0, numbers)])
        if keras.ops.is_tensor(y):
            return keras.ops.convert_to_tensor(weights, dtype=keras.config.floatx())
        return weights

    def map(self, dataset: Any, output: str | int | None = None) -> Any:
        """Returns the dataset with the weight of every label as its sample weights.

        Use it in `fit(dataset)` where `class_weight=` fails: label maps,
        sequences, multilabel rows, several outputs, and datasets that have sample weights.

        Args:
            dataset: A tf.data.Dataset of `(x, y)` or `(x, y, w)`, batched or not, or a
                `keras.utils.PyDataset` of batches of them; `y` as in `sample_weights`, or one
                example of it; or a dict or tuple of several outputs. `w` is multiplied: a weight
                an example goes to all of its positions, and one tensor to all outputs.
            output: Name (or index, in a tuple) of the output to weight, if the others have other
                classes; these keep their weights, or get 1. Defaults to all.

        Returns:
            A dataset of `(x, y, weights)`, weights in the structure of `y`; float32, or the dtype
            of a floating `w`. A PyDataset if it was one, with its workers and epochs, and its
            `epoch_counter` for `FollowEpochs`; its weights are NumPy arrays.

        Raises:
            ValueError: If the dataset has another structure, or labels of unknown rank or of
                no numeric dtype; if there is no such output. Of a PyDataset when a batch is made,
                and at a label that `sample_weights` refuses too.
            tf.errors.InvalidArgumentError: While a tf.data.Dataset is iterated, at a label that
                `sample_weights` refuses and with the same text. (tf.data lets no ValueError out
                of its threads; Keras puts PyDatasets into it on the TensorFlow backend.)

        Example:

        >>> import tensorflow as tf
        >>> dataset = tf.data.Dataset.from_tensor_slices(([7.0, 8.0], [0, 1])).batch(2)
        >>> [w.numpy().tolist() for x, y, w in ClassWeights({0: 0.5, 1: 1.5}).map(dataset)]
        [[0.5, 1.5]]
        """
        if isinstance(dataset, keras.utils.PyDataset):
            from kerasnorm.imbalance.weighting._weighed_batches import WeighedBatches

            return WeighedBatches(dataset, self, output)
        from kerasnorm.imbalance.weighting._add_weights import add_weights

        return add_weights(dataset, self, output)


def _is_pair(item: Any) -> bool:
    return isinstance(item, tuple) and len(item) == 2


def _row_means(labels: np.ndarray, table: np.ndarray) -> np.ndarray:
    check_zero_one(labels)
    classes = labels.sum(axis=-1, dtype=np.float64)
    if not classes.all():
        row = int(np.argwhere(classes == 0)[0, 0])
        raise ValueError(NO_CLASS.format(label=row))
    return labels.astype(np.float64) @ table / classes
