"""InstanceNormalization beyond the conformance table."""

import pytest

from kerasnorm import normalization as kn


def test_one_value_is_refused_when_sizes_vary_too(rng):
    layer = kn.InstanceNormalization()
    layer.build((None, None, None, 3))
    with pytest.raises(ValueError, match="single value"):
        layer(rng.normal(size=(2, 1, 1, 3)))
