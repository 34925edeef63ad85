"""PerClassRecall against scikit-learn."""

import pytest
from imbalance.metrics import ABSENT, check_absent_classes


@pytest.mark.parametrize("absent", ABSENT)
def test_agrees_with_scikit_learn(absent, rng):
    check_absent_classes("recalls", absent, rng)
