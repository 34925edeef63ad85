"""LovaszSoftmax against the authors' algorithm: images, weights and a million pixels."""

import numpy as np
import pytest
from backends import once
from imbalance import loss_formulas
from imbalance.losses import K, draw, value_and_slope
from keras import ops

from kerasnorm.imbalance import LovaszSoftmax


@pytest.mark.parametrize("classes", ["present", "all"])
@pytest.mark.parametrize("per_image", [False, True])
def test_it_equals_the_formula(classes, per_image, rng):
    y, z = draw(rng, (3,), n=4)
    y[0] = 1  # an image of one class
    labels = y if per_image else y.reshape(1, -1)

    def formula(z):
        images = zip(z.reshape(*labels.shape, K), labels, strict=True)
        return np.mean([loss_formulas.lovasz_softmax(*image, classes=classes) for image in images])

    loss, exact = LovaszSoftmax(classes, per_image=per_image), z.astype(float)
    found, slope = value_and_slope(loss, y, z)
    np.testing.assert_allclose(found, formula(exact), rtol=1e-5)
    np.testing.assert_allclose(slope, loss_formulas.slope(formula, exact), atol=1e-5)


def test_weighs_pixels_as_if_they_were_several(rng):
    y, z = draw(rng, (3, 5), n=6)
    weights = rng.integers(0, 4, y.shape)
    p = [z.reshape(-1, K).astype(float), y.ravel()]
    expected = loss_formulas.lovasz_softmax(*p, weights=weights.ravel()) * weights.mean()
    loss = LovaszSoftmax()
    np.testing.assert_allclose(value_and_slope(loss, y, z, weights)[0], expected, rtol=1e-5)
    repeated = [np.repeat(values, weights.ravel(), axis=0)[None] for values in p[::-1]]
    found, _ = value_and_slope(loss, *repeated)
    np.testing.assert_allclose(found * weights.mean(), expected, rtol=1e-5)


def test_a_million_pixels():
    """Differences of float32 quotients would have lost their digits: Σ of the steps is 1."""
    y = (np.arange(1 << 20) % 16 == 0).astype("int32")[None]
    p = np.full((*y.shape, 2), 0.5, "float32")
    _, slope = value_and_slope(LovaszSoftmax(from_logits=False), y, p)
    np.testing.assert_allclose(np.abs(slope).sum(), 1, rtol=1e-4)
    # all errors are equal, so the first pixel that is sorted has a step of 1/|∪| exactly
    np.testing.assert_allclose(np.abs(slope[..., 1]).max(), 0.5 / y.sum(), rtol=1e-4)


def test_from_probabilities(rng):
    y, z = draw(rng)
    found = float(LovaszSoftmax(from_logits=False)(y, ops.softmax(z)))
    np.testing.assert_allclose(found, float(LovaszSoftmax()(y, z)), rtol=1e-5)


@once
def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="classes"):
        LovaszSoftmax("some")
