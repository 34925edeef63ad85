"""Four corners, and a reason with figures."""

import numpy as np
import pytest
from backends import once

from kerasnorm import rule_of_thumb

pytestmark = once

CORNERS = {
    (10, 0.9): "freeze",
    (10_000, 0.9): "fine_tune",
    (10, 0.1): "svm",
    (10_000, 0.1): "scratch",
    (0, 0.0): "svm",
    (200, 0.5): "fine_tune",
    (199.9, 1): "freeze",
    (np.int64(250), np.float32(0.25)): "scratch",
}


@pytest.mark.parametrize(("figures", "name"), CORNERS.items(), ids=str)
def test_corners(figures, name):
    strategy = rule_of_thumb(*figures)
    assert strategy.name == name
    for figure in figures:
        assert f"{figure:g}" in strategy.reason


def test_thresholds_are_arguments():
    assert rule_of_thumb(50, 0.4, many=40, similar=0.3).name == "fine_tune"
    reason = rule_of_thumb(50, 0.4, many=60, similar=0.45).reason
    assert "few (many: from 60 on)" in reason and "low (high: from 0.45 on)" in reason


def test_settings_are_a_copy():
    rule_of_thumb(10, 0.9).settings["frozen"] = 0
    assert rule_of_thumb(10, 0.9).settings["frozen"] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        {"examples_per_class": -1},
        {"examples_per_class": np.nan},
        {"examples_per_class": "many"},
        {"similarity": 1.1},
        {"similarity": -0.1},
        {"similarity": None},
        {"many": -1},
        {"similar": 2},
    ],
    ids=str,
)
def test_out_of_range(arguments):
    (name,) = arguments
    with pytest.raises(ValueError, match=f"`{name}` should be a number in"):
        rule_of_thumb(**{"examples_per_class": 10, "similarity": 0.5, **arguments})
