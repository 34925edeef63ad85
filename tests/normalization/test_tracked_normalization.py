"""What layers with running estimates say of themselves."""

import pytest
from backends import once

from kerasnorm import normalization as kn


@once
@pytest.mark.parametrize(
    "make", [kn.BatchNormalization, kn.InstanceNormalization, kn.SwitchableNormalization]
)
@pytest.mark.parametrize("unbiased", [True, False])
def test_the_config_says_whether_the_variance_is_unbiased(make, unbiased):
    layer = make(unbiased=unbiased)
    assert make.from_config(layer.get_config()).unbiased is unbiased
