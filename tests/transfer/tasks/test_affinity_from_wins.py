"""Affinities are the weights that the win rates were made from."""

import numpy as np
import pytest
from backends import once

from kerasnorm.transfer import affinity_from_wins

pytestmark = once

WEIGHTS = np.array([0.05, 0.4, 0.15, 0.3, 0.1])


def bradley_terry(weights):
    return weights[:, None] / (weights[:, None] + weights)


def without(*pairs):
    wins = bradley_terry(WEIGHTS)
    for i, j in pairs:
        wins[i, j] = np.nan
    return wins


def test_bradley_terry_weights_come_back():
    np.testing.assert_allclose(affinity_from_wins(bradley_terry(WEIGHTS)), WEIGHTS, rtol=1e-12)


@pytest.mark.parametrize(
    "wins",
    [
        without((0, 1), (1, 0)),
        without((0, 1)),
        without((0, 2), (2, 0), (0, 3), (3, 0), (0, 4), (4, 0), (1, 4), (4, 1)),
        without(*((i, j) for i in range(5) for j in range(5) if abs(i - j) > 1)),
    ],
    ids=["a pair", "one direction", "one comparison left", "a chain"],
)
def test_missing_comparisons_are_made_up_for(wins):
    np.testing.assert_allclose(affinity_from_wins(wins), WEIGHTS, rtol=1e-10)


@pytest.mark.parametrize("diagonal", [0, 0.5, 1, np.nan])
def test_the_diagonal_is_ignored_and_nothing_is_written_to(diagonal):
    wins = bradley_terry(WEIGHTS)
    np.fill_diagonal(wins, diagonal)
    before = wins.copy()
    np.testing.assert_allclose(affinity_from_wins(wins), WEIGHTS, rtol=1e-12)
    np.testing.assert_array_equal(wins, before)


def test_one_that_always_wins_is_999_times_as_good():
    np.testing.assert_allclose(affinity_from_wins([[0, 1], [0, 0]]), [0.999, 0.001], rtol=1e-12)


@pytest.mark.parametrize("tie", [0.5, 0.0], ids=["half a win", "no win"])
def test_ties_count_half_or_not_at_all(tie):
    """10 examples: 6 wins, 2 losses, 2 ties; and a third that always ties with the second."""
    share = 0.2 * tie
    wins = np.array([[0, 0.6 + share, 0.6 + share], [0.2 + share, 0, tie], [0.2 + share, tie, 0]])
    ratio = (0.6 + share) / (0.2 + share)
    expected = np.array([ratio, 1, 1]) / (ratio + 2)
    np.testing.assert_allclose(affinity_from_wins(wins), expected, rtol=1e-12)


def test_inconsistent_wins_give_the_eigenvector_of_the_power_method(rng):
    wins = rng.uniform(0.0005, 0.9995, (40, 40))
    clipped = np.clip(wins, 0.001, 0.999)
    ratios, expected = clipped / clipped.T, np.ones(40)
    np.fill_diagonal(ratios, 1)
    for _ in range(500):
        expected = ratios @ expected / (ratios @ expected).sum()
    np.testing.assert_allclose(affinity_from_wins(wins), expected, rtol=1e-9)


@pytest.mark.parametrize("dtype", ["float16", "float32", "int64", "bool"])
def test_dtypes(dtype):
    found = affinity_from_wins(np.array([[0, 1, 1], [0, 0, 1], [0, 0, 0]], dtype))
    assert found.dtype == np.float64
    assert found.sum() == pytest.approx(1) and (np.diff(found) < 0).all()


def test_one_transfer_has_it_all():
    assert affinity_from_wins([[0.5]]).tolist() == [1]


@pytest.mark.parametrize(
    ("wins", "message"),
    [
        (np.ones((2, 3)), r"square .* shape \(2, 3\)"),
        (np.ones(4), "square"),
        (np.ones((0, 0)), "square"),
        ([[0, 60], [40, 0]], r"wins\[0, 1\]=60. Divide counts"),
        ([[0, -0.1], [1, 0]], r"wins\[0, 1\]=-0.1"),
        ([["a", "b"], ["c", "d"]], "real numbers"),
        (
            without(*((i, j) for i in (0, 3) for j in (1, 2, 4)), (1, 0)),
            r"any of \[0, 3\] with any of \[1, 2, 4\]",
        ),
    ],
    ids=["oblong", "flat", "empty", "counts", "negative", "text", "two parts"],
)
def test_wrong_win_rates_are_refused(wins, message):
    with pytest.raises(ValueError, match=message):
        affinity_from_wins(wins)
