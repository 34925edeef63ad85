"""Seesaw against its formula, with counts that are given and counts of what it has seen."""

import functools

import keras
import numpy as np
import pytest
from backends import once
from imbalance import loss_formulas
from imbalance.losses import COUNTS, K, check_formula, draw
from keras import ops

from kerasnorm.imbalance import Seesaw


def test_it_equals_the_formula(rng):
    check_formula(
        functools.partial(Seesaw, K, counts=COUNTS),
        functools.partial(loss_formulas.seesaw, counts=COUNTS),
        rng,
    )


def test_counts_what_it_sees(rng):
    loss, seen = Seesaw(K, reduction=None), np.zeros(K)
    for _ in range(2):
        y, z = draw(rng)
        y = np.minimum(y, K - 2 + seen.any())  # no example of the last class at first
        seen += np.bincount(y.ravel(), minlength=K)
        exact = z.reshape(-1, K).astype(float)
        expected = loss_formulas.seesaw(exact, y.ravel(), exact, np.maximum(seen, 1))
        found = ops.convert_to_numpy(loss(y, z)).ravel()
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    again = Seesaw.from_config(loss.get_config())
    assert again.counter.to_list() == seen.tolist() and int(loss.counter.result()) == 18


def test_a_step_that_forgets_the_counts_is_refused(rng):
    if keras.config.backend() != "jax":
        pytest.skip("JAX alone compiles steps that forget")
    y, z = draw(rng, (), n=6)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(K)])
    model.compile("sgd", Seesaw(K))
    with pytest.raises(ValueError, match="metrics="):
        model.fit(z[:, :3], y, verbose=0)


@once
@pytest.mark.parametrize(
    ("num_classes", "settings", "match"),
    [(1, {}, "num_classes"), (3, {"counts": [1, 2]}, "3 entries"), (3, {"p": -1}, "`p`")],
)
def test_wrong_arguments_are_refused(num_classes, settings, match):
    with pytest.raises(ValueError, match=match):
        Seesaw(num_classes, **settings)
