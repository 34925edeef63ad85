"""BalancedAccuracy against scikit-learn, and shapes that do not fit."""

import numpy as np
import pytest
from backends import once
from imbalance.metrics import ABSENT, K, check_absent_classes

from kerasnorm.imbalance import BalancedAccuracy


@pytest.mark.parametrize("absent", ABSENT)
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_agrees_with_scikit_learn(absent, rng):
    check_absent_classes("balanced accuracy", absent, rng)


@once
@pytest.mark.parametrize(
    ("y", "z"),
    [
        (np.zeros(3), np.zeros((3, K - 1))),
        (np.zeros(3), np.zeros((3, 1))),
        (np.zeros(2), np.zeros((3, K))),
        (np.zeros((3, 2)), np.zeros((3, K))),
    ],
    ids=lambda array: str(array.shape),
)
def test_other_shapes(y, z):
    with pytest.raises(ValueError, match="shape"):
        BalancedAccuracy(K).update_state(y, z)
