"""LDAM against its formula, and classes that have no example."""

import functools

import numpy as np
import pytest
from backends import once
from imbalance import loss_formulas
from imbalance.losses import COUNTS, check_formula, draw, value_and_slope

from kerasnorm.imbalance import LDAM


def test_it_equals_the_formula(rng):
    check_formula(
        functools.partial(LDAM, COUNTS), functools.partial(loss_formulas.ldam, counts=COUNTS), rng
    )


def test_a_class_with_no_example_has_the_largest_margin(rng):
    y, z = draw(rng, (), n=6)
    loss = LDAM([30, 0, 3, 0])
    expected = float(LDAM([30, 3, 3, 3])(y, z))
    np.testing.assert_allclose(float(loss(y, z)), expected)
    assert np.isfinite(expected) and np.isfinite(value_and_slope(loss, y, z)[1]).all()


@once
@pytest.mark.parametrize("settings", [{"max_margin": 0}, {"scale": np.inf}])
def test_wrong_arguments_are_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        LDAM([1, 2], **settings)
