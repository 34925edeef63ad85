"""LogitAdjusted against its formula, and classes that have no example."""

import functools

import numpy as np
import pytest
from backends import once
from imbalance import loss_formulas
from imbalance.losses import COUNTS, check_formula, draw, value_and_slope

from kerasnorm.imbalance import LogitAdjusted


def test_it_equals_the_formula(rng):
    check_formula(
        functools.partial(LogitAdjusted, COUNTS, tau=1.5),
        functools.partial(loss_formulas.logit_adjusted, counts=COUNTS, tau=1.5),
        rng,
    )


def test_a_class_with_no_example_takes_no_part(rng):
    y, z = draw(rng, (), n=6)
    loss = LogitAdjusted([30, 0, 3, 0])
    present = LogitAdjusted([30, 3])(y % 2, z[:, [0, 2]])
    y = np.array([0, 2])[y % 2]
    np.testing.assert_allclose(float(loss(y, z)), float(present), rtol=1e-5)
    assert np.isposinf(float(loss([1], z[:1])))
    assert np.isfinite(value_and_slope(loss, y, z)[1]).all()


def test_without_handicap_it_is_crossentropy(rng):
    y, z = draw(rng, (), n=6)
    found = float(LogitAdjusted([5, 0, 1, 1], tau=0)(0 * y, z))
    z = np.delete(z, 1, axis=1).astype(float)  # the absent class is in no softmax all the same
    expected = loss_formulas.crossentropy(z, 0 * y).mean()
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@once
@pytest.mark.parametrize(("counts", "tau", "match"), [([0, 0], 1, "counts"), ([1, 2], -1, "tau")])
def test_wrong_arguments_are_refused(counts, tau, match):
    with pytest.raises(ValueError, match=match):
        LogitAdjusted(counts, tau)
