"""Win rates are counted, one example after another."""

import numpy as np
import pytest
from backends import once

from kerasnorm.transfer import win_rates

pytestmark = once


def counted(losses):
    share = np.zeros((len(losses), len(losses)))
    for i, one in enumerate(losses):
        for j, other in enumerate(losses):
            for a, b in zip(one, other, strict=True):
                share[i, j] += 1 if a < b else 0.5 if a == b else 0
    return share / losses.shape[1]


def test_wins_and_ties_are_counted(rng):
    losses = rng.integers(0, 4, (5, 23)).astype("float32")
    np.testing.assert_allclose(win_rates(losses), counted(losses))


def test_what_is_not_a_number_loses():
    losses = [[np.nan, np.nan, 1], [9, np.nan, 2]]
    np.testing.assert_allclose(win_rates(losses), [[0.5, 0.5], [0.5, 0.5]])
    np.testing.assert_allclose(win_rates([[np.nan] * 3, [9, 8, 7]]), [[0.5, 0], [1, 0.5]])


@pytest.mark.parametrize(
    "losses", [[1, 2], np.zeros((0, 3)), [["a"]]], ids=["flat", "none", "text"]
)
def test_wrong_losses_are_refused(losses):
    with pytest.raises(ValueError, match="`losses` should be numbers"):
        win_rates(losses)
