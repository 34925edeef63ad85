"""SparseFocalCrossentropy against its formula, and from probabilities."""

import functools

import numpy as np
import pytest
from backends import once
from imbalance import loss_formulas
from imbalance.losses import ALPHA, check_formula, draw
from keras import ops

from kerasnorm.imbalance import SparseFocalCrossentropy


@pytest.mark.parametrize("settings", [{}, {"gamma": 0}, {"gamma": 0.5, "alpha": ALPHA}])
def test_it_equals_the_formula(settings, rng):
    check_formula(
        functools.partial(SparseFocalCrossentropy, **settings),
        functools.partial(loss_formulas.focal, **settings),
        rng,
    )


@pytest.mark.parametrize("gamma", [0, 2])
def test_from_probabilities(gamma, rng):
    y, z = draw(rng)
    settings = {"gamma": gamma, "reduction": None}
    np.testing.assert_allclose(
        ops.convert_to_numpy(
            SparseFocalCrossentropy(from_logits=False, **settings)(y, ops.softmax(z))
        ),
        ops.convert_to_numpy(SparseFocalCrossentropy(**settings)(y, z)),
        rtol=1e-3,
        atol=1e-6,
    )


def test_a_probability_of_0_has_a_finite_loss():
    assert np.isfinite(float(SparseFocalCrossentropy(from_logits=False)([0], [[0.0, 1.0]])))


@once
@pytest.mark.parametrize("settings", [{"gamma": -1}, {"alpha": [1, -1]}, {"alpha": "balanced"}])
def test_wrong_arguments_are_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        SparseFocalCrossentropy(**settings)
