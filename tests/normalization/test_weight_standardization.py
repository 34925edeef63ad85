"""WeightStandardization beyond what `test_kernel_wrappers.py` checks of all wrappers."""

import numpy as np
import pytest
from keras import layers
from normalization.kernel_layers import (
    CONVOLUTIONAL,
    array,
    gradient_by,
    inner_axes,
    kernels_of,
    standardized,
    wrap,
)

from kerasnorm.normalization import WeightStandardization


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_moments_of_the_kernel_and_its_gradient(name, rng):
    """Ŵ has mean 0 and variance 1; moving all of W moves nothing, so gradients sum to 0."""
    layer, x = wrap("standardization", name)
    weights = rng.normal(size=layer(x).shape).astype("float32")
    pairs = zip(kernels_of(layer, name), kernels_of(layer.remove(), name), strict=True)
    for (raw, outputs), (kernel, _) in pairs:
        axes = inner_axes(array(kernel), outputs)
        np.testing.assert_allclose(array(kernel).mean(axes), 0, atol=1e-6)
        np.testing.assert_allclose(array(kernel).std(axes), 1, rtol=1e-5)
        gradient = gradient_by(layer, raw, x, weights)
        total = np.abs(gradient).sum(axes)
        assert (np.abs(gradient.sum(axes)) <= 1e-5 * total).all() and (total > 0).all()


@pytest.mark.parametrize("epsilon", [1e-3, 1.0])
def test_epsilon(rng, epsilon):
    layer = WeightStandardization(layers.Conv1D(4, 3), epsilon=epsilon)
    layer.build((None, 8, 2))
    expected = standardized(array(layer.layer.kernel).astype("float64"), (-1,), epsilon)
    np.testing.assert_allclose(array(layer.remove().kernel), expected, atol=1e-6)


def test_a_kernel_far_from_zero(rng):
    layer = WeightStandardization(layers.Dense(4))
    layer.build((None, 50))
    layer.layer.kernel.assign(1e4 + rng.normal(size=(50, 4)))
    expected = standardized(array(layer.layer.kernel).astype("float64"), (-1,))
    np.testing.assert_allclose(array(layer.remove().kernel), expected, atol=1e-5)


@pytest.mark.parametrize("epsilon", [0, -1, float("nan"), "a", None, True])
def test_a_wrong_epsilon_is_refused(epsilon):
    with pytest.raises(ValueError, match="epsilon"):
        WeightStandardization(layers.Dense(2), epsilon=epsilon)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.Dense(3), (None, 1)),
        (layers.DepthwiseConv2D(1), (None, 4, 4, 3)),
        (layers.SeparableConv1D(3, 1), (None, 4, 3)),
    ],
    ids=lambda x: type(x).__name__,
)
def test_one_value_an_output_is_refused(layer, shape):
    with pytest.raises(ValueError, match="single value"):
        WeightStandardization(layer).build(shape)


def test_weights_are_the_layers():
    layer = WeightStandardization(layers.SeparableConv2D(5, 3))
    layer.build((None, 8, 8, 2))
    assert [weight.name for weight in layer.weights] == [w.name for w in layer.layer.weights]
