"""The structure of tf.data pipelines, and reading the labels out of them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnorm.data import _labels

_UNBATCHED_ROWS = 1024


def check_structure(dataset: tf.data.Dataset) -> tuple[Any, ...]:
    """Returns the element spec of a dataset of `(x, y)` or `(x, y, w)` with dense labels."""
    if not _labels.is_dataset(dataset):
        raise ValueError(f"A tf.data.Dataset is needed. Received: {type(dataset).__name__}.")
    spec = dataset.element_spec
    fits = isinstance(spec, tuple) and len(spec) in (2, 3) and isinstance(spec[1], tf.TensorSpec)
    if not fits or spec[1].shape.rank is None:
        raise ValueError(
            "The dataset should yield (x, y) or (x, y, w), where y is one dense tensor of known "
            "rank (`tf.ensure_shape` sets it, `dataset.map` selects one output of several). "
            f"Received: element_spec={spec}."
        )
    return spec


def check_single_examples(dataset: "tf.data.Dataset[Any]") -> tuple[Any, ...]:
    """Returns the element spec of a dataset of unbatched `(x, y)` or `(x, y, w)`."""
    spec = check_structure(dataset)
    if spec[1].shape.rank and is_batched(spec):
        raise ValueError(
            "The dataset should yield single examples, and this one seems to yield batches: use "
            f"`dataset.unbatch()`. Received: element_spec={spec}."
        )
    return spec


def is_batched(spec: tuple[Any, ...]) -> bool:
    """Whether `(x, y, ...)` of this spec is a batch of examples rather than one example.

    A batch has the same first dimension everywhere. So may one example: an image with its label
    map, or a one-hot row as long as x.
    """
    y = spec[1].shape
    others = [leaf.shape for leaf in tf.nest.flatten(spec[0]) if leaf.shape.rank is not None]
    if y.rank == 0 or any(x.rank == 0 for x in others):
        return False
    if y[0] is not None and any(x[0] != y[0] for x in others):
        return False
    if y.rank == 1 and y[0] is not None:
        return spec[1].dtype.is_integer and y[0] > 1
    return not any(_is_image_and_map(x, y) for x in others)


def _is_image_and_map(x: tf.TensorShape, y: tf.TensorShape) -> bool:
    x, y = x.as_list(), y.as_list()
    batch_of_sequences = x[0] is None and x[1:2] != [None]
    return len(x) == 3 and len(y) in (2, 3) and x[:2] == y[:2] and not batch_of_sequences


def label_batches(dataset: "tf.data.Dataset[Any]") -> tuple[Iterator[np.ndarray], int | None]:
    """Returns the labels of a dataset, with the examples on the first axis; and how many batches.

    The labels are read in one pass, and the rest of the examples is not made where it is not
    needed for them.
    """
    spec = check_structure(dataset)
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError("The dataset never ends. Count before `repeat`, or use `dataset.take`.")
    labels = dataset.map(lambda x, y, *w: y)
    if not is_batched(spec):
        labels = labels.batch(_UNBATCHED_ROWS if spec[1].shape.rank < 2 else 1)
    size = int(labels.cardinality())
    return labels.as_numpy_iterator(), size if size >= 0 else None
