"""Sums in slices, centers from a sample, averages by products: against float64."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasnorm.backend import _reductions as reductions


def array(x):
    return ops.convert_to_numpy(x)


SHAPES = pytest.mark.parametrize(
    "shape", [(6, 8, 5), (3, 7, 11), (1, 1, 13), (2, 0, 4), (4, 24, 1)], ids=str
)
AXES = pytest.mark.parametrize("axes", [(), (0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)], ids=str)


def exact_sum(x, axes):
    return x.astype("float64").sum(axes, keepdims=True) if axes else x


@SHAPES
@AXES
def test_total(rng, shape, axes):
    x = rng.normal(size=shape).astype("float32")
    found = array(reductions.total(ops.convert_to_tensor(x), axes))
    np.testing.assert_allclose(found, exact_sum(x, axes), atol=1e-5)


@SHAPES
@AXES
@pytest.mark.parametrize("totals", [reductions.one_by_one, reductions.by_pairs])
def test_totals(rng, totals, shape, axes):
    x, factor = rng.normal(size=(2, *shape)).astype("float32")
    tensors = ops.convert_to_tensor(x), ops.convert_to_tensor(factor)
    found = totals(reductions.total)(*tensors, axes)
    for sums, part in zip(found, (x, x * factor), strict=True):
        np.testing.assert_allclose(array(sums), exact_sum(part, axes), atol=1e-5)


def sampled(shape, axes):
    """Returns which elements a sample has."""
    places = np.arange(np.prod(shape)).reshape(shape)
    return np.isin(places, array(reductions.sample(ops.convert_to_tensor(places), axes)))


@pytest.mark.parametrize("size", [1, 6, 7, 11, 64])
def test_the_mean_of_a_sample_is_a_center(rng, size):
    """The worst case: all of the sample lies apart from the rest."""
    x = rng.normal(size=(3, size, 2)).astype("float32")
    some = sampled(x.shape, (1,))
    assert some.sum() * 8 >= some.size
    x[some] += 1000
    center = array(reductions.sample(ops.convert_to_tensor(x), (1,))).mean(1)
    exact = x.astype("float64")
    assert ((center - exact.mean(1)) ** 2 <= 7 * exact.var(1) + 1e-3).all()


@pytest.mark.parametrize(
    "shape, axes, axis", [((32, 14, 14, 4), (0, 1, 2), 0), ((2, 56, 9), (1,), 1)]
)
def test_a_sample_is_spread(shape, axes, axis):
    """A first example of zeros, or a border of images, is not all of it."""
    some = sampled(shape, axes)
    others = tuple(other for other in range(len(shape)) if other != axis)
    np.testing.assert_array_equal(np.flatnonzero(some.all(others)), range(4, shape[axis], 8))
    assert some.mean() == 1 / 8


@pytest.mark.parametrize("size", [1, 3, 256, 300])
def test_average(rng, size):
    rows = rng.normal(size=(5, size)).astype("float32")
    average = reductions.average_by(ops.matmul)(ops.convert_to_tensor(rows))
    expected = np.broadcast_to(rows.astype("float64").mean(1, keepdims=True), rows.shape)
    np.testing.assert_allclose(array(average), expected, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_settled_numbers_are_near_and_settled(rng, dtype):
    x = np.concatenate([rng.normal(size=50) * 1e4, [0.0, -0.0, 1e-30]]).astype(dtype)
    tensor = ops.convert_to_tensor(x)
    if keras.backend.standardize_dtype(tensor.dtype) != dtype:
        pytest.skip("JAX has no float64 unless asked for")
    settled = array(reductions.settle(tensor))
    assert settled.dtype == dtype
    np.testing.assert_allclose(settled, x, rtol=2 * np.finfo(dtype).eps)
    again = array(reductions.settle(ops.convert_to_tensor(settled)))
    np.testing.assert_array_equal(again, settled)
