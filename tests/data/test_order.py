"""The order of examples: a permutation that the seed and the number of the epoch decide."""

import numpy as np
from backends import once

from kerasnorm.data._order import shuffled

pytestmark = once


def test_the_seed_and_the_epoch_decide_the_order():
    orders = [shuffled(20, seed)(epoch).tolist() for seed in (0, 1) for epoch in (0, 1)]
    assert all(sorted(order) == list(range(20)) for order in orders)
    assert len({*map(tuple, orders)}) == 4
    np.testing.assert_array_equal(shuffled(20, seed=1)(1), orders[-1])
