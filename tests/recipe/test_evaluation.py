"""What an evaluation says of classes and bins that are unequally frequent."""

import numpy as np
import pytest
from backends import once

from kerasnorm.recipe.results._calibration import binned, calibration
from kerasnorm.recipe.results._evaluation import Evaluation

pytestmark = once


def test_the_error_of_the_calibration_is_a_mean_over_examples_not_over_bins():
    outputs = np.array([[0.95, 0.05]] * 3 + [[0.55, 0.45]])
    found = calibration(binned(np.array([0, 0, 1, 1]), outputs, logits=False)).error
    assert found == pytest.approx((3 * (0.95 - 2 / 3) + 0.55) / 4)


def test_a_class_with_no_example_is_left_out_of_the_mean():
    confusion = np.array([[3, 1, 0], [0, 0, 0], [1, 0, 1]])
    evaluation = Evaluation(("cat", "dog", "owl"), np.array([9, 1, 1]), confusion)
    assert evaluation.balanced_accuracy == (0.75 + 0.5) / 2
