"""CKA equals the published estimator, and does not see what is not there."""

import numpy as np
import pytest
from backends import once
from scipy.stats import ortho_group

from kerasnorm.transfer import debiased_cka

pytestmark = once


def hsic(kernel, other):
    """Song et al. 2012, equation 5."""
    n = len(kernel)
    a, b = (matrix - np.diag(np.diag(matrix)) for matrix in (kernel, other))
    one = np.ones(n)
    total = np.trace(a @ b) + one @ a @ one * (one @ b @ one) / ((n - 1) * (n - 2))
    return (total - 2 / (n - 2) * (one @ a @ b @ one)) / (n * (n - 3))


def published(a, b):
    one, other = a @ a.T, b @ b.T
    return hsic(one, other) / np.sqrt(hsic(one, one) * hsic(other, other))


@pytest.mark.parametrize(("n", "width"), [(40, 5), (20, 300), (4, 2)])
def test_equals_the_published_estimator(n, width, rng):
    a = rng.normal(size=(n, width))
    b = a[:, : width // 2 + 1] + rng.normal(size=(n, width // 2 + 1))
    assert debiased_cka(a, b) == pytest.approx(published(a, b), abs=1e-9)
    assert debiased_cka(a, b) == pytest.approx(debiased_cka(b, a), abs=1e-12)


def test_rotations_shifts_and_scales_change_nothing(rng):
    a, b = rng.normal(size=(2, 30, 6))
    moved = 1e-3 * a @ ortho_group.rvs(6, random_state=0) + 7
    assert debiased_cka(moved, b) == pytest.approx(debiased_cka(a, b), abs=1e-9)
    assert debiased_cka(moved, a) == pytest.approx(1, abs=1e-9)


def test_unrelated_features_are_not_alike_however_many(rng):
    """The biased form gives 0.9 here."""
    found = [debiased_cka(*rng.normal(size=(2, 30, 1000))) for _ in range(20)]
    assert np.abs(np.mean(found)) < 0.02


def test_float32_of_a_large_mean(rng):
    a = rng.normal(size=(50, 8)).astype("float32")
    far = a + np.float32(1e4)
    assert debiased_cka(far, a) == pytest.approx(published(far - 1e4, a), abs=1e-6)


def test_maps_are_long_vectors(rng):
    a = rng.normal(size=(10, 3, 4, 2))
    assert debiased_cka(a, a.reshape(10, -1)) == pytest.approx(1)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e30])
def test_a_constant_is_like_nothing(constant, rng):
    assert debiased_cka(np.full((10, 3), constant), rng.normal(size=(10, 3))) == 0


A = np.random.default_rng(0).normal(size=(6, 2))


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (A[:3], A[:3], "at least 4 examples"),
        (A[:, 0], A, "`a` should be a representation"),
        (A, A[:5], "6 and 5"),
        (A, np.where(A > 0, np.nan, A), "`b` should hold finite"),
        (A, A.astype(str), "`b` should hold finite"),
    ],
    ids=["few", "flat", "lengths", "nan", "text"],
)
def test_wrong_arguments_are_refused(a, b, message):
    with pytest.raises(ValueError, match=message):
        debiased_cka(a, b)
