"""GroupAccuracy against scikit-learn's recalls, averaged over groups by the counts."""

import pytest
from imbalance.metrics import ABSENT, check_absent_classes


@pytest.mark.parametrize("absent", ABSENT)
def test_agrees_with_scikit_learn(absent, rng):
    check_absent_classes("groups", absent, rng)
