"""A classifier's head that is solved, where a solver reaches it, instead of trained."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from kerasnorm.data import check_range, count_of, read_class_weight, read_classes, read_labels
from kerasnorm.models import classes_of, find_head, gives_maps
from kerasnorm.transfer._matrices import read_features
from kerasnorm.transfer.fine_tuning._head_split import split_at_head
from kerasnorm.transfer.fine_tuning._pixel_sample import sample_pixels
from kerasnorm.transfer.fine_tuning._targets import OF_EACH, OF_ROWS, is_binary, is_one_hot
from kerasnorm.transfer.solving import solve_targets

_ACTIVATIONS = tuple(map(keras.activations.get, ("linear", "softmax", "sigmoid")))
_OF_CLASSES = (keras.losses.SparseCategoricalCrossentropy, *OF_ROWS, *OF_EACH)


def can_be_solved(model: keras.Model, loss: Any) -> bool:
    """Returns whether a model's head is linear in a row of features, and learns classes.

    Args:
        model: A classifier.
        loss: what `compile` takes; None: the cross-entropy that fits.
    """
    known = loss is None or isinstance(loss, _OF_CLASSES) or getattr(loss, "of_classes", False)
    named = isinstance(loss, str) and loss.endswith("crossentropy")
    if not (known or named) or not is_plain(find_head(model)) or not _has_rows_below(model):
        return False
    # of label maps the solver reads one class a pixel
    channels = isinstance(loss, OF_ROWS) or loss == "categorical_crossentropy"
    several = _each_alone(model, loss) and classes_of(model) > 1
    return not (gives_maps(model) and (channels or several))


def _each_alone(model: keras.Model, loss: Any) -> bool:
    """Returns whether each output is a class of its own, which is there or not."""
    known = isinstance(loss, OF_EACH) or getattr(loss, "of_labels", False)
    return is_binary(model) or known or str(loss).startswith("binary_")


def is_plain(head: keras.Layer) -> bool:
    """Returns whether a layer is linear in each row or pixel, and free to have any weights.

    It is Keras' Dense, or its Conv2D of one pixel, and gives logits or probabilities.
    """
    return (
        (type(head) is keras.layers.Dense or _is_of_one_pixel(head))
        and head.use_bias
        and head.activation in _ACTIVATIONS
        and head.kernel_constraint is None
        and head.bias_constraint is None
        and len(head.weights) == 2  # no adapters, not quantized
    )


def _is_of_one_pixel(head: keras.Layer) -> bool:
    return (
        type(head) is keras.layers.Conv2D
        and (*head.kernel_size, *head.strides, head.groups) == (1, 1, 1, 1, 1)
        and head.data_format == "channels_last"
    )


def _has_rows_below(model: keras.Model) -> bool:
    """Returns whether the head is put on one row of features for each example, or each pixel."""
    split = split_at_head(model, random=False)
    if split is None:
        return False
    rank = 4 if gives_maps(model) else 2
    return len(split.base.output_shape) == rank


def solve_into(
    model: keras.Model,
    features: np.ndarray,
    y: np.ndarray,
    loss: Any,
    class_weight: Any,
    sample_weight: np.ndarray | None = None,
) -> None:
    """Gives a model's head the weights that fit its features best.

    Args:
        model: A classifier that `can_be_solved`.
        features: what its head is put on, (N, D).
        y: labels that fit its outputs.
        loss: says whether the classes exclude one another, if the model does not.
        class_weight: weights by class, or None: the prior is taken out of the bias.
        sample_weight: of the examples, (N,), or None.
    """
    labels, left_out = read_labels(y, "train"), getattr(loss, "ignore_class", None)
    if left_out is not None:
        kept = (labels != left_out).reshape(len(labels), -1).all(axis=1)
        features, labels = features[kept], labels[kept]
        sample_weight = None if sample_weight is None else sample_weight[kept]
    several = _each_alone(model, loss)
    targets = _targets(labels, classes_of(model), several)
    of_labels = getattr(loss, "label_weights", None)
    weights = None if class_weight is None else _weights(targets, class_weight)
    if of_labels is not None:
        weights = np.where(targets > 0.5, of_labels[:, 1], of_labels[:, 0]).astype("float32")
    _solve(model, features, targets, not several, weights, sample_weight)


def solve_into_maps(
    model: keras.Model, base: keras.Model, data: Any, loss: Any, class_weight: Any, seed: int
) -> None:
    """Gives the head of a model of label maps the weights that fit its features best.

    The prior stays: a class that is drawn as often as all others would cover them.

    Args:
        model: A model that `can_be_solved`.
        base: what its head is put on.
        data: batches of images and label maps, as `read_batches` returns them.
        loss: may have an `ignore_class`.
        class_weight: weights by class, or None.
        seed: of the pixels.
    """
    count = count_of(data)
    left_out = getattr(loss, "ignore_class", None)
    balanced = getattr(loss, "of_contours", False)
    sample = sample_pixels(base, data, count, left_out, seed, balanced)
    binary, units = _each_alone(model, loss), classes_of(model)
    classes = max(units, 2) if binary else units
    check_range(sample.labels, classes, "train", "These are the model's outputs.")
    targets = _targets(sample.labels, classes_of(model), binary)
    weights = sample.weights
    if class_weight is not None:
        weights = weights * _weights(targets, class_weight)
    _solve(model, sample.features, targets, not binary, weights)


def _solve(
    model: keras.Model,
    features: np.ndarray,
    targets: np.ndarray,
    softmax: bool,
    weights: np.ndarray | None,
    of_examples: np.ndarray | None = None,
) -> None:
    head = find_head(model)
    balanced = weights is None
    if of_examples is not None:
        shape = (-1,) if weights is None else (-1, *[1] * (weights.ndim - 1))
        weights = of_examples.reshape(shape) * (1.0 if weights is None else weights)
    if weights is not None:  # a class of the weight 0 is not learnt
        used = weights.reshape(len(weights), -1).any(axis=1)
        features, targets, weights = features[used], targets[used], weights[used]
    found = solve_targets(read_features(features), targets, softmax, weights, balanced=balanced)
    head.set_weights([found.kernel.reshape(head.kernel.shape), found.bias])


def _targets(labels: np.ndarray, units: int, several: bool) -> np.ndarray:
    if several:
        return labels.reshape(len(labels), units).astype("float32")
    if is_one_hot(labels.shape, units):
        return labels.astype("float32")
    classes = read_classes(labels, "train")
    check_range(classes, units, "train", "These are the model's outputs.")
    return np.eye(units, dtype="float32")[classes]


def _weights(targets: np.ndarray, class_weight: Mapping[int, float]) -> np.ndarray:
    """Returns the weight of each example, a binary one's by its class."""
    if targets.shape[1] == 1:
        targets = np.concatenate([1 - targets, targets], axis=1)
    each = read_class_weight(class_weight, targets.shape[1])
    return (targets @ each).astype("float32")
