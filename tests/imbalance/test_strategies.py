"""The strategies: how often an example comes up in an epoch, against the formulas in float64.

Many epochs are drawn by `ResampledDataset`, which is quicker to begin than tf.data; that it draws
what `resample` does is tested with it.
"""

import math
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
from backends import once

from kerasnorm.imbalance import (
    ClassWeights,
    ResampledDataset,
    class_weights,
    count_classes,
    resample,
)

pytestmark = once

COUNTS = (900, 90, 10)
Y = np.repeat([0, 1, 2], COUNTS)
ROWS = np.arange(len(Y))
MULTILABEL = np.stack([np.ones(1000), Y > 0, Y > 1], axis=1).astype(int)
MAPS = np.full((1000, 2, 3), 255)  # class 0 in every image, then 1, then 2, and an ignored pixel
MAPS[:, 0], MAPS[:, 1, 0], MAPS[:, 1, 1] = 0, np.where(Y > 0, 1, 0), np.where(Y > 1, 2, 0)


def counted(*arguments, epochs=1, **named):
    """How often each example came up in each epoch, (epochs, N)."""
    dataset = ResampledDataset(*arguments, **named)
    found = []
    for epoch in range(epochs):
        dataset.epoch_counter.next = epoch
        drawn = np.concatenate([x for x, *_ in dataset])
        found.append(np.bincount(drawn, minlength=len(Y)))
    return np.stack(found)


def of_classes(found):
    """How often each class came up, (3,)."""
    return np.bincount(Y, weights=found)


def detectron2_factors(classes_of_images, threshold):
    """Repeat factors as detectron2's `repeat_factors_from_category_frequency` defines them."""
    images = Counter(c for classes in classes_of_images for c in set(classes))
    of_class = {
        c: max(1.0, math.sqrt(threshold / (n / len(classes_of_images)))) for c, n in images.items()
    }
    return [max((of_class[c] for c in set(classes)), default=1.0) for classes in classes_of_images]


BALANCED = np.array([1000 / (3 * n) for n in COUNTS])
ROOTS = np.array([1000 / (math.sqrt(n) * sum(map(math.sqrt, COUNTS))) for n in COUNTS])


@pytest.mark.parametrize(
    ("arguments", "of_class"),
    [
        ({}, BALANCED),
        ({"strategy": "square_root"}, ROOTS),
        ({"strategy": "progressive", "epochs": 1}, np.ones(3)),
        ({"strategy": "repeat_factor", "threshold": 0.3}, [1, (0.3 / 0.09) ** 0.5, 30**0.5]),
        ({"strategy": "repeat_factor", "threshold": 0.001}, np.ones(3)),
        ({"weights": {0: 1, 1: 0, 2: 10.0}}, [1, 0, 10]),
        ({"weights": ROWS + 0.0}, None),
    ],
)
@pytest.mark.parametrize("epoch_size", [None, 700, 2500])
def test_each_example_comes_up_as_often_as_the_formula_says(arguments, of_class, epoch_size):
    expected = np.asarray(ROWS if of_class is None else np.asarray(of_class)[Y], np.float64)
    natural = expected.sum() if "threshold" in arguments else 1000
    size = epoch_size or math.ceil(natural - 1e-9)
    expected *= size / expected.sum()
    found = counted((ROWS, Y), batch_size=100, epoch_size=epoch_size, **arguments)[0]
    assert found.sum() == size
    assert (found >= np.floor(expected - 1e-9)).all() and (found <= np.ceil(expected + 1e-9)).all()
    deviation = np.sqrt(of_classes((expected % 1) * (1 - expected % 1)))
    assert (abs(of_classes(found) - of_classes(expected)) <= 4 * deviation + 1).all()


def test_rounding_is_by_chance_anew_in_each_epoch():
    """An example that should come up 1/3 times is in a third of the epochs, whichever it is."""
    y = np.repeat([0, 1], [90, 10])
    weights = {0: 1.0, 1: 7.0}
    found = counted((ROWS[:100], y), weights=weights, epoch_size=53, epochs=300)[:, :100]
    expected = np.where(y == 0, 53 / 160, 7 * 53 / 160)
    np.testing.assert_allclose(found.mean(axis=0), expected, atol=4 * 0.5 / np.sqrt(300))


def test_progressive_goes_from_the_data_to_balance():
    dataset = ResampledDataset((ROWS, Y), "progressive", 100, epochs=4)
    for epoch in range(6):
        dataset.epoch_counter.next = epoch
        found = of_classes(np.bincount(np.concatenate([x for x, _ in dataset]), minlength=1000))
        t = min(epoch / 4, 1)
        expected = [(1 - t) * n + t * 1000 / 3 for n in COUNTS]
        np.testing.assert_allclose(found, expected, atol=25)
        assert abs(found[2] - expected[2]) <= 6
    assert (counted((ROWS, Y), "progressive") == 1).all()  # first as they are


@pytest.mark.parametrize(
    ("y", "ignore", "classes"),
    [
        (Y, None, [[c] for c in Y]),
        (np.eye(3)[Y], None, [[c] for c in Y]),
        (np.array(["a", "b", "c"])[Y], None, [[c] for c in Y]),
        (MULTILABEL, None, [list(range(c + 1)) for c in Y]),
        (MULTILABEL * (Y != 1)[:, None], None, [list(range(c + 1)) if c != 1 else [] for c in Y]),
        (MAPS, 255, [list(range(c + 1)) for c in Y]),
    ],
    ids=["numbers", "one-hot", "strings", "multilabel", "no class", "maps"],
)
@pytest.mark.parametrize("threshold", [0.05, 0.5])
def test_repeat_factor_is_that_of_detectron2(y, ignore, classes, threshold):
    factors = np.array(detectron2_factors(classes, threshold))
    arguments = ((ROWS, y), "repeat_factor", 64)
    settings = {"threshold": threshold, "ignore_class": ignore}
    dataset = resample(*arguments, **settings)
    assert int(dataset.cardinality()) == len(list(dataset)) == math.ceil(factors.sum() / 64)
    found = counted(*arguments, epochs=20, **settings)
    assert (found.sum(axis=1) == math.ceil(factors.sum() - 1e-9)).all()
    assert (found >= np.floor(factors)).all()
    for value in np.unique(factors):
        assert found[:, factors == value].mean() == pytest.approx(value, rel=0.03)


def test_class_weights_are_weights_of_a_sampler():
    weights = class_weights(count_classes(Y))
    np.testing.assert_array_equal(counted((ROWS, Y)), counted((ROWS, Y), weights=weights))
    drawn = counted((ROWS, ROWS), labels=Y, weights={0: 0.0, 1: 1.0, 2: 1.0})[0]
    assert not drawn[Y == 0].any() and drawn[Y > 0].all()


GAPS = np.where(Y == 1, 0, Y)


@pytest.mark.parametrize(
    ("y", "num_classes", "absent"),
    [(GAPS, None, "1"), (np.eye(3)[GAPS], None, "1"), (Y, 5, "3, 4"), (Y.astype(str), 4, "3")],
)
def test_absent_classes_are_left_out_or_an_error_as_asked(y, num_classes, absent):
    given = len(np.unique(y)) if y.ndim == 1 else 2
    drawn = y[np.repeat(ROWS, counted((ROWS, y), num_classes=num_classes)[0])]
    _, shares = np.unique(drawn, axis=0, return_counts=True)
    np.testing.assert_allclose(shares, 1000 / given, atol=15)
    with pytest.raises(ValueError, match=rf'no example of class {absent}, .*missing="zero"'):
        resample((ROWS, y), num_classes=num_classes, missing="error")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"strategy": "repeat_factor"}, r"threshold.*\(0, 1\]"),
        ({"strategy": "repeat_factor", "threshold": 0}, "threshold=0"),
        ({"strategy": "square_root", "threshold": 0.1}, "Only .*'repeat_factor'"),
        ({"strategy": "progressive", "epochs": 0}, "epochs"),
        ({"num_classes": 2}, "Label 2 is outside the classes 0 to 1"),
        ({"num_classes": 0}, "num_classes"),
        ({"missing": "ignore"}, "missing"),
        ({"weights": {0: 1.0, 1: 1.0}}, "Label 2 is outside"),
        ({"weights": {0: 1.0, 2: 1.0}}, "every class"),
        ({"weights": {0: 0.0, 1: 0.0, 2: 0.0}}, "weight above 0"),
        ({"weights": ClassWeights({0: 1.0, 1: 1.0, 2: 1.0}), "strategy": "progressive"}, "neither"),
        ({"data": (ROWS, np.where(Y == 2, 255, Y))}, "Label 255"),
        ({"data": (ROWS, np.where(Y == 2, -1, Y))}, "Label -1"),
        ({"data": (ROWS, Y * 10**9)}, "np.unique"),
        ({"data": (ROWS, MAPS)}, "Label 255"),
        ({"data": (ROWS, MAPS), "ignore_class": 255}, "repeat_factor"),
        ({"data": (ROWS, np.zeros((1000, 4)), np.ones(999))}, "same number"),
        ({"buffer_size": 10}, "buffer_size"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        resample(**{"data": (ROWS, Y), **arguments})


def test_the_saved_iterator_is_small(tmp_path):
    """It holds a counter and the indices of the epoch, not the examples."""
    x = np.zeros((1000, 1000), "float32")  # 4 MB
    iterator = iter(resample((x, Y)))
    next(iterator)
    tf.train.Checkpoint(iterator=iterator).save(tmp_path / "iterator")
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 50_000
