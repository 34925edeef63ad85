"""GroupNormalization beyond the conformance table."""

import keras
import numpy as np
import oracle
import pytest
from keras import ops

from kerasnorm import normalization as kn


def array(tensor):
    return ops.convert_to_numpy(tensor)


def test_groups_of_minus_one_stay_minus_one(rng):
    """Keras stores the channels of the first build and becomes another layer on other widths."""
    layer = kn.GroupNormalization(groups=-1)
    layer(rng.normal(size=(2, 4, 4, 6)))
    assert layer.groups == -1
    x = rng.normal(size=(2, 4, 4, 12)).astype("float32")
    copy = kn.GroupNormalization.from_config(layer.get_config())
    np.testing.assert_allclose(array(copy(x)), oracle.normalize(x, (1, 2)), atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3, 16, 31])
def test_default_of_32_groups_below_32_channels(channels):
    """Keras says that the groups should be a multiple of the channels."""
    divisors = ", ".join(str(n) for n in range(1, channels + 1) if channels % n == 0)
    message = rf"^{channels} channels .*groups=32\. .*divisors of {channels}: {divisors}\.$"
    with pytest.raises(ValueError, match=message):
        kn.GroupNormalization().build((2, 4, 4, channels))
    with pytest.raises(ValueError, match=rf"divisors of {channels}: {divisors}"):
        kn.GroupNormalization()(keras.Input((4, 4, channels)))


def test_group_norm_on_one_position_works_where_groups_have_several_channels(rng):
    x = rng.normal(size=(2, 1, 1, 6)).astype("float32")
    y = array(kn.GroupNormalization(groups=2)(x))
    np.testing.assert_allclose(y, oracle.normalize(x, (1, 2), groups=2), atol=1e-5)


def test_worst_error_at_mean_1e4_against_keras(rng):
    x = (rng.normal(size=(4, 14, 14, 64)) + 1e4).astype("float32")
    expected = oracle.normalize(x, (1, 2), groups=8)
    ours = np.abs(array(kn.GroupNormalization(groups=8)(x)) - expected).max()
    keras_ = np.abs(array(keras.layers.GroupNormalization(groups=8)(x)) - expected).max()
    assert ours < 1e-5
    assert not keras_ < 1e-3  # NaN on torch
