"""Scores of tensors are those of arrays."""

import numpy as np
import pytest
from keras import ops

from kerasnorm.transfer import gbc, h_score, leep, logme, nce, trans_rate

RNG = np.random.default_rng(3)
Y = np.arange(60) % 3
FEATURES = RNG.normal(size=(60, 5)).astype("float32")
GIVEN = {
    **dict.fromkeys((gbc, h_score, logme, trans_rate), FEATURES),
    leep: ops.convert_to_numpy(ops.softmax(FEATURES)),
    nce: RNG.integers(0, 5, 60),
}


@pytest.mark.parametrize("score", GIVEN, ids=lambda score: score.__name__)
def test_tensors_are_arrays_too(score):
    given = GIVEN[score]
    found = score(ops.convert_to_tensor(given), ops.convert_to_tensor(Y))
    np.testing.assert_allclose(found, score(given, Y), rtol=1e-12)
