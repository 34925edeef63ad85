"""AsymmetricLoss against its formula."""

import numpy as np
import pytest
from backends import once
from gradients import output_and_gradient
from imbalance import loss_formulas
from imbalance.losses import K

from kerasnorm.imbalance import AsymmetricLoss


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"margin": 0},
        {"gamma_positive": 1, "gamma_negative": 0.5, "margin": 0.2},
        {"gamma_positive": 0.5, "gamma_negative": 0, "margin": 0.6},
    ],
)
def test_it_equals_the_formula(settings, rng):
    y = rng.integers(0, 2, (6, K))
    z = rng.normal(0, 3, y.shape).astype("float32")
    z[0] = [1e4, -1e4, 50, -50]
    loss = AsymmetricLoss(**settings, reduction=None)
    found, slope = output_and_gradient(lambda x: loss(y, x), z, np.ones(len(y), "float32"))
    expected = loss_formulas.asymmetric(z.astype(float), y, **settings)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)
    expected = loss_formulas.slope(
        lambda x: loss_formulas.asymmetric(x, y, **settings), z, step=1e-4
    )
    np.testing.assert_allclose(slope, expected, rtol=1e-3, atol=1e-5)


@once
def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="margin"):
        AsymmetricLoss(margin=1)
