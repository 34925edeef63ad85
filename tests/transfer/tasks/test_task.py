"""Losses of single examples are NumPy's; heads fit any features and targets."""

import keras
import numpy as np
import pytest
from backends import once
from keras import ops
from scipy.special import log_softmax

from kerasnorm.transfer import Task
from kerasnorm.transfer.tasks import default_head

LABELS = np.array([0, 2, 1, 2])
MAPS = np.random.default_rng(0).integers(0, 3, (4, 6, 5))
NUMBERS = np.random.default_rng(1).normal(size=(4, 6, 5, 2)) * [1, 1e4] + [0, 1e6]


def losses(task, predictions):
    return ops.convert_to_numpy(task.losses(task.targets, predictions))


@pytest.mark.parametrize("targets", [LABELS, MAPS], ids=["labels", "label maps"])
@pytest.mark.parametrize("scale", [1, 100], ids=["small logits", "large logits"])
def test_cross_entropy_of_each_example(targets, scale, rng):
    task = Task("t", targets, "classification")
    logits = (scale * rng.normal(size=(*targets.shape, 3))).astype("float32")
    assert task.output_shape == logits.shape[1:]
    chosen = -np.take_along_axis(log_softmax(logits.astype(float), -1), targets[..., None], -1)
    np.testing.assert_allclose(losses(task, logits), chosen.reshape(4, -1).mean(1), 1e-5, 1e-6)


@pytest.mark.parametrize(
    "numbers", [NUMBERS[:, 0, 0, 0], NUMBERS[:, 0, 0], NUMBERS[..., 1], NUMBERS], ids=np.ndim
)
def test_squared_error_of_standardised_numbers(numbers, rng):
    task = Task("t", numbers, "regression")
    full = numbers if numbers.ndim in (2, 4) else numbers[..., None]
    axes = tuple(range(full.ndim - 1))
    expected = (full - full.mean(axes)) / full.std(axes)
    np.testing.assert_allclose(task.targets, expected, atol=1e-6)
    predictions = rng.normal(size=full.shape).astype("float32")
    squares = ((predictions - expected) ** 2).reshape(4, -1).mean(1)
    np.testing.assert_allclose(losses(task, predictions), squares, rtol=1e-5)


@pytest.mark.parametrize(
    "loss",
    [
        keras.losses.BinaryCrossentropy(from_logits=True),
        lambda y, p: ops.binary_crossentropy(y, p, from_logits=True),
    ],
    ids=["a Keras loss", "a function"],
)
def test_a_loss_of_ones_own_sees_numbers_as_they_are(loss, rng):
    edges = rng.integers(0, 2, (4, 6, 5))
    logits = rng.normal(size=(4, 6, 5, 1)).astype("float32")
    task = Task("edges", edges, "regression", loss=loss)
    np.testing.assert_array_equal(task.targets[..., 0], edges)
    p = 1 / (1 + np.exp(-logits[..., 0].astype(float)))
    expected = -np.where(edges, np.log(p), np.log(1 - p)).reshape(4, -1).mean(1)
    np.testing.assert_allclose(losses(task, logits), expected, rtol=1e-5)


def test_a_loss_that_is_one_number_for_all_examples():
    task = Task("t", [0.0, 1.0], "regression", loss=lambda y, p: ops.mean(ops.subtract(y, p)))
    with pytest.raises(ValueError, match="one number"):
        losses(task, np.zeros((2, 1), "float32"))


@once
@pytest.mark.parametrize(
    "labels",
    [LABELS + 7, LABELS.astype("uint8"), LABELS.astype(float), np.array(list("abc"))[LABELS]],
    ids=["gaps", "uint8", "float", "strings"],
)
def test_labels_become_codes(labels):
    task = Task("t", labels, "classification")
    assert task.targets.tolist() == LABELS.tolist() and task.targets.dtype == "int32"
    np.testing.assert_array_equal(task.representation(np.array([1, 2])), [[0, 0, 1], [0, 1, 0]])


@once
def test_a_constant_channel_is_zero():
    task = Task("t", np.stack([np.arange(4), np.full(4, 0.1)], axis=1), "regression")
    np.testing.assert_array_equal(task.targets[:, 1], 0)


@once
@pytest.mark.parametrize("features", [(7,), (1, 1, 3), (6, 6, 8), (5, 9, 4), (30, 30, 3)], ids=str)
@pytest.mark.parametrize("predictions", [(3,), (24, 24, 1), (17, 20, 2)], ids=str)
def test_default_heads_fit(features, predictions):
    head = default_head(features, predictions)
    assert head.output_shape == (None, *predictions)
    assert np.shape(head(np.zeros((2, *features), "float32"))) == (2, *predictions)


@once
def test_a_head_of_ones_own():
    def head(features, predictions):
        return keras.Sequential([keras.Input(features), keras.layers.Dense(*predictions)])

    assert Task("t", LABELS, "classification", head=head).build_head((5,)).count_params() == 18
    with pytest.raises(ValueError, match=r"should predict \(6, 5, 3\) .* Received: .* \(3,\)"):
        Task("t", MAPS, "classification", head=lambda f, p: head(f, p[-1:])).build_head((5,))


@once
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("", LABELS, "classification"), "`name` should be"),
        (("t", LABELS, "dense"), "one of 'classification', 'regression'"),
        (("t", np.eye(3), "classification"), "argmax"),
        (("t", np.zeros(3), "classification"), "at least two classes"),
        (("t", np.zeros((3, 4, 4)), "classification"), "at least two classes"),
        (("t", [0.5, 1], "classification"), "whole numbers"),
        (("t", ["a", "b"], "regression"), "should have numbers"),
        (("t", np.zeros((2, 2, 2, 2, 2)), "regression"), "should have numbers"),
        (("t", [0, np.nan], "regression"), "finite"),
        (("t", [0, 1], "regression", "no_such_loss"), "no_such_loss"),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(value[0]) + str(value[2]),
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Task(*arguments)
