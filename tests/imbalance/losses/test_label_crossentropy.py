"""LabelCrossentropy against its formula."""

import numpy as np
import pytest
from backends import once
from gradients import output_and_gradient
from imbalance import loss_formulas
from imbalance.losses import K

from kerasnorm.imbalance import LabelCrossentropy


def formula(z, y, gamma=0.0, label_weights=(1, 1)):
    """−w (1 − p)^γ log p, p of what is so, on average over the labels."""
    odds = np.where(y == 1, z, -z)
    w = np.broadcast_to(label_weights, (K, 2))
    w = np.where(y == 1, w[:, 1], w[:, 0])
    return (w * np.exp(-gamma * np.logaddexp(0, odds)) * np.logaddexp(0, -odds)).mean(-1)


SETTINGS = [
    {},
    {"gamma": 2},
    {"gamma": 0.5, "label_weights": [1, 3]},
    {"label_weights": [[1, 2], [0, 5], [3, 1], [1, 1]]},
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_formula(settings, rng):
    y = rng.integers(0, 2, (6, K))
    z = rng.normal(0, 3, y.shape).astype("float32")
    z[0] = [1e4, -1e4, 50, -50]
    loss = LabelCrossentropy(**settings, reduction=None)
    found, slope = output_and_gradient(lambda x: loss(y, x), z, np.ones(len(y), "float32"))
    np.testing.assert_allclose(found, formula(z.astype(float), y, **settings), rtol=1e-5, atol=1e-7)
    expected = loss_formulas.slope(lambda x: formula(x, y, **settings), z, step=1e-4)
    np.testing.assert_allclose(slope, expected, rtol=1e-3, atol=1e-5)
    p = 0.5 + 0.5 * np.tanh(z[1:] / 2)
    of_p = LabelCrossentropy(**settings, from_logits=False, reduction=None)(y[1:], p)
    np.testing.assert_allclose(np.asarray(of_p), np.asarray(found)[1:], rtol=1e-3)


@once
def test_one_label_in_either_form(rng):
    y, z = rng.integers(0, 2, 6), rng.normal(size=(6, 1)).astype("float32")
    loss = LabelCrossentropy(label_weights=[1, 4])
    assert float(loss(y, z)) == float(loss(y[:, None], z))


@once
@pytest.mark.parametrize("weights", [[1, 2, 3], [[1], [2]], [-1, 1], [0, 0], [1, np.nan], "much"])
def test_wrong_weights(weights):
    with pytest.raises(ValueError, match="label_weights"):
        LabelCrossentropy(label_weights=weights)


@once
def test_weights_of_other_labels():
    with pytest.raises(ValueError, match="are of 2 labels"):
        LabelCrossentropy(label_weights=[[1, 2], [1, 2]])(np.ones((1, 3)), np.zeros((1, 3)))
