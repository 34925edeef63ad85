"""ClassBalancedBinaryCrossentropy against its formula, image by image."""

import numpy as np
import pytest
from backends import once
from imbalance import loss_formulas
from imbalance.losses import value_and_slope
from keras import ops

from kerasnorm.imbalance import ClassBalancedBinaryCrossentropy


@pytest.mark.parametrize("channel", [False, True])
def test_it_equals_the_formula(channel, rng):
    y = (rng.random((4, 3, 5)) < 0.3).astype("int32")
    y[1], y[2] = 0, 1  # no contour, and nothing else
    z = rng.normal(0, 3, y.shape).astype("float32")
    z[3, 0, :2] = [1e4, -1e4]

    def formula(x):
        return np.mean([loss_formulas.class_balanced(*image) for image in zip(x, y, strict=True)])

    loss = ClassBalancedBinaryCrossentropy()
    predictions = z[..., None] if channel else z
    found, slope = value_and_slope(loss, y, predictions)
    np.testing.assert_allclose(found, formula(z.astype(float)), rtol=1e-5)
    expected = loss_formulas.slope(formula, z, 1e-3)
    np.testing.assert_allclose(slope.reshape(z.shape), expected, atol=1e-6)
    assert np.abs(slope[1]).min() > 0 and float(loss(y[1:2], predictions[1:2])) > 0.1


def test_from_probabilities(rng):
    y, z = rng.random((4, 3, 5)) < 0.5, rng.normal(0, 2, (4, 3, 5)).astype("float32")
    found = float(ClassBalancedBinaryCrossentropy(from_logits=False)(y, ops.sigmoid(z)))
    np.testing.assert_allclose(found, float(ClassBalancedBinaryCrossentropy()(y, z)), rtol=1e-4)


def test_a_label_is_ignored(rng):
    y = np.array([[[1, 0, 0, 7, 7]]])
    z = rng.normal(size=y.shape).astype("float32")
    found = ClassBalancedBinaryCrossentropy(ignore_class=7)(y, z)
    expected = ClassBalancedBinaryCrossentropy()(y[..., :3], z[..., :3])
    np.testing.assert_allclose(float(found), float(expected), rtol=1e-6)


@once
def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="ignore_class"):
        ClassBalancedBinaryCrossentropy(ignore_class=0.5)
