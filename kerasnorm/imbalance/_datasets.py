"""Labels in tf.data pipelines: reading them out, and weighing them in the graph."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnorm.imbalance import _labels

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


def check_single_examples(dataset: tf.data.Dataset) -> tuple[Any, ...]:
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


def label_batches(dataset: tf.data.Dataset) -> tuple[Iterator[np.ndarray], int | None]:
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


def add_weights(dataset: tf.data.Dataset, class_weights: Any) -> tf.data.Dataset:
    """Maps (x, y) or (x, y, w) to (x, y, w times the weight of each label)."""
    spec = check_structure(dataset)
    if not (spec[1].dtype.is_integer or spec[1].dtype.is_floating or spec[1].dtype.is_bool):
        raise ValueError(
            f"Labels should be numbers to have weights. Received: dtype {spec[1].dtype.name}."
        )
    batched = is_batched(spec)

    def weigh(x: Any, y: tf.Tensor, *existing: tf.Tensor) -> tuple[Any, tf.Tensor, tf.Tensor]:
        weights = _weights_of(y if batched else y[None], class_weights)
        weights = tf.cast(weights if batched else weights[0], tf.float32)
        return x, y, _times(weights, *existing) if existing else weights

    return dataset.map(weigh, num_parallel_calls=tf.data.AUTOTUNE)


def _weights_of(y: tf.Tensor, class_weights: Any) -> tf.Tensor:
    """`ClassWeights.sample_weights` in the graph."""
    table, ignore_class = class_weights.as_numpy(), class_weights.ignore_class
    if class_weights.has_class_axis(tuple(y.shape.as_list()), y.dtype.is_integer):
        ones = tf.cast(y, tf.float64)
        wrong = (ones != 0) & (ones != 1)
        with _refuse(wrong, _labels.NOT_ZERO_ONE, ones):
            classes = tf.reduce_sum(ones, axis=-1)
        rows = tf.where(tf.equal(classes, 0))[:, 0]
        with _refuse(tf.ones_like(rows, tf.bool), _labels.NO_CLASS, rows):
            return tf.linalg.matvec(ones, tf.constant(table)) / classes
    if y.dtype.is_floating:
        with _refuse(~(tf.math.floor(y) == y), _labels.NOT_WHOLE, y):
            y = tf.identity(y)
    numbers = tf.cast(y, tf.int64)
    ignored = tf.zeros_like(numbers, tf.bool) if ignore_class is None else numbers == ignore_class
    wrong = ~ignored & ((numbers < 0) | (numbers >= len(table)))
    text = _labels.OUTSIDE.replace("{classes}", _labels.class_range(len(table)))
    with _refuse(wrong, text, numbers):
        inside = tf.where(ignored, tf.zeros_like(numbers), numbers)
    return tf.where(ignored, tf.zeros((), tf.float64), tf.gather(tf.constant(table), inside))


def _refuse(wrong: tf.Tensor, text: str, values: tf.Tensor) -> Any:
    """Raises `text` about the first of `values` that is `wrong`, before what is in the context."""
    first = tf.reduce_max(tf.boolean_mask(values, wrong)[:1])
    message = tf.strings.format(text, [first] * text.count("{label}"), placeholder="{label}")
    return tf.control_dependencies([tf.debugging.Assert(~tf.reduce_any(wrong), [message])])


def _times(weights: tf.Tensor, existing: tf.Tensor) -> tf.Tensor:
    """Multiplies weights of examples and of positions, which start with the same axes."""
    if existing.shape.rank is None:
        raise ValueError("Sample weights should have a known rank: use `tf.ensure_shape`.")
    if existing.dtype.is_floating:
        weights = tf.cast(weights, existing.dtype)
    else:
        existing = tf.cast(existing, weights.dtype)
    while existing.shape.rank > weights.shape.rank and existing.shape[-1] == 1:
        existing = tf.squeeze(existing, axis=-1)
    if existing.shape.rank > weights.shape.rank:
        raise ValueError(
            "Sample weights should have the shape of the labels or of their first axes. "
            f"Received: weights {existing.shape}, labels that weigh {weights.shape}."
        )
    while existing.shape.rank < weights.shape.rank:
        existing = existing[..., None]
    return weights * existing
