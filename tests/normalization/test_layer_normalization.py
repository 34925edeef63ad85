"""LayerNormalization beyond the conformance table."""

import numpy as np
import oracle
import pytest
from keras import ops

from kerasnorm import normalization as kn


def array(tensor):
    return ops.convert_to_numpy(tensor)


@pytest.mark.parametrize("axis", [[-1, 1], (1, -1), [1, 3], [3, 1]], ids=str)
def test_gamma_in_the_order_of_the_input(rng, axis):
    """Keras sorts [-1, 1] as written and reshapes γ (C, H) as (H, C)."""
    x = rng.normal(size=(2, 3, 4, 5)).astype("float32")
    gamma = rng.normal(size=(3, 5))
    layer = kn.LayerNormalization(axis=axis, center=False)
    layer.build(x.shape)
    layer.gamma.assign(gamma)
    expected = oracle.normalize(x, (1, 3)) * gamma[None, :, None, :]
    np.testing.assert_allclose(array(layer(x)), expected, atol=1e-5)
