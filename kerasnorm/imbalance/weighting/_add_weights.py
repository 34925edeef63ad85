"""Weights the labels of tf.data pipelines in the graph."""

from typing import Any

import tensorflow as tf

from kerasnorm.data import (
    NO_CLASS,
    NOT_WHOLE,
    NOT_ZERO_ONE,
    is_batched,
    is_dataset,
    labels_of,
    outside,
)
from kerasnorm.imbalance.weighting import _outputs


def add_weights(
    dataset: tf.data.Dataset, class_weights: Any, output: str | int | None
) -> tf.data.Dataset:
    """Maps (x, y) or (x, y, w) to (x, y, w times the weight of each label)."""
    spec = _check_structure(dataset)
    outputs = _outputs.by_name(spec[1])
    chosen = _outputs.choose(spec[1], output)
    for name in chosen:
        dtype = outputs[name].dtype
        if not (dtype.is_integer or dtype.is_floating or dtype.is_bool):
            raise ValueError(f"Labels should be numbers to have weights. Received: {dtype.name}.")
    batched = all(is_batched((spec[0], y)) for y in outputs.values())
    axes = 1 if batched else 0  # of a weight an example

    def weigh_one(y: tf.Tensor, *existing: tf.Tensor) -> tf.Tensor:
        weights = _weights_of(y if batched else y[None], class_weights)
        weights = tf.cast(weights if batched else weights[0], tf.float32)
        return _times(weights, *existing) if existing else weights

    def ones(y: tf.Tensor) -> tf.Tensor:
        return tf.ones(tf.shape(y)[:axes])

    def weigh(x: Any, y: Any, *existing: Any) -> tuple[Any, Any, Any]:
        return x, y, _outputs.weigh(y, existing, chosen, weigh_one, ones)

    return dataset.map(weigh, num_parallel_calls=tf.data.AUTOTUNE)


def _check_structure(dataset: tf.data.Dataset) -> tuple[Any, ...]:
    """Returns the element spec of a dataset with one output or a dict or tuple of several."""
    if not is_dataset(dataset):
        raise ValueError(
            "`dataset` should be a tf.data.Dataset or a keras.utils.PyDataset; for arrays use "
            f"`sample_weights`. Received: {type(dataset).__name__}."
        )
    spec = dataset.element_spec
    found = _outputs.leaves(spec)
    known = [isinstance(leaf, tf.TensorSpec) and leaf.shape.rank is not None for leaf in found]
    if not found or not all(known):
        raise ValueError(
            "The dataset should yield (x, y) or (x, y, w), where y is a dense tensor of known "
            "rank (`tf.ensure_shape` sets it), or a dict or tuple of them; and w is one, or one "
            f"for each. Received: element_spec={spec}."
        )
    return spec


def _weights_of(y: tf.Tensor, class_weights: Any) -> tf.Tensor:
    """`ClassWeights.sample_weights` in the graph."""
    table, ignore_class = class_weights.as_numpy(), class_weights.ignore_class
    if class_weights.has_class_axis(tuple(y.shape.as_list()), y.dtype.is_integer):
        ones = tf.cast(y, tf.float64)
        wrong = (ones != 0) & (ones != 1)
        with _refuse(wrong, NOT_ZERO_ONE, ones):
            classes = tf.reduce_sum(ones, axis=-1)
        rows = tf.where(tf.equal(classes, 0))[:, 0]
        with _refuse(tf.ones_like(rows, tf.bool), NO_CLASS, rows):
            return tf.linalg.matvec(ones, tf.constant(table)) / classes
    if y.dtype.is_floating:
        text = NOT_WHOLE.replace("{labels}", labels_of(None))
        with _refuse(~(tf.math.floor(y) == y), text, y):
            y = tf.identity(y)
    numbers = tf.cast(y, tf.int64)
    ignored = tf.zeros_like(numbers, tf.bool) if ignore_class is None else numbers == ignore_class
    wrong = ~ignored & ((numbers < 0) | (numbers >= len(table)))
    with _refuse(wrong, outside("{label}", len(table)), numbers):
        inside = tf.where(ignored, tf.zeros_like(numbers), numbers)
    return tf.where(ignored, tf.zeros((), tf.float64), tf.gather(tf.constant(table), inside))


def _refuse(wrong: tf.Tensor, text: str, values: tf.Tensor) -> Any:
    """Raises `text` for the first of `values` that is `wrong`, before the context runs."""
    first = tf.reduce_max(tf.boolean_mask(values, wrong)[:1])
    message = tf.strings.format(text, [first] * text.count("{label}"), placeholder="{label}")
    return tf.control_dependencies([tf.debugging.Assert(~tf.reduce_any(wrong), [message])])


def _times(weights: tf.Tensor, existing: tf.Tensor) -> tf.Tensor:
    """Multiplies weights of examples and of positions, in one of their floating dtypes."""
    if existing.dtype.is_floating:
        weights = tf.cast(weights, existing.dtype)
    else:
        existing = tf.cast(existing, weights.dtype)
    return weights * _outputs.aligned(existing, weights.shape)
