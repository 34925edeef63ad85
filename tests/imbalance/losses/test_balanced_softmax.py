"""BalancedSoftmax against its formula, and that it is LogitAdjusted with τ = 1."""

import functools

import numpy as np
from imbalance import loss_formulas
from imbalance.losses import COUNTS, check_formula, draw, value_and_slope
from keras import ops

from kerasnorm.imbalance import BalancedSoftmax, LogitAdjusted


def test_it_equals_the_formula(rng):
    check_formula(
        functools.partial(BalancedSoftmax, COUNTS),
        functools.partial(loss_formulas.logit_adjusted, counts=COUNTS),
        rng,
    )


def test_a_class_with_no_example_is_left_out_as_by_logit_adjusted(rng):
    y, z = draw(rng, (), n=6)
    ours, theirs = (
        make([30, 0, 3, 1], reduction=None) for make in (BalancedSoftmax, LogitAdjusted)
    )
    found = ops.convert_to_numpy(ours(y, z))
    np.testing.assert_array_equal(np.isinf(found), y == 1)
    np.testing.assert_array_equal(found, ops.convert_to_numpy(theirs(y, z)))
    assert np.isfinite(value_and_slope(ours, np.where(y == 1, 0, y), z)[1]).all()
