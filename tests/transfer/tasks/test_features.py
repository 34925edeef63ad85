"""Features are those of the encoder, standardised; batches give each example once an epoch."""

import keras
import numpy as np
import pytest
from backends import once

from kerasnorm.transfer.tasks._features import Features, HeadBatches

ROWS = np.array([7, 1, 4, 2, 0, 9, 8])


@pytest.fixture
def maps():
    """An encoder, its input of a large mean, and its features in float64."""
    encoder = keras.Sequential([keras.Input((6, 6, 2)), keras.layers.DepthwiseConv2D(1)])
    encoder.set_weights([np.array([3.0, 0.0]).reshape(1, 1, 2, 1), np.array([1000.0, 0.1])])
    x = np.random.default_rng(0).normal(size=(10, 6, 6, 2)).astype("float32")
    return encoder, x, (x.astype(float) * [3, 0] + [1000, 0.1])


def test_channels_are_standardised_by_the_examples_to_learn_from(maps, tmp_path):
    encoder, x, raw = maps
    features = Features("e", encoder, x, ROWS, tmp_path / "f")
    learn = raw[ROWS]
    expected = (raw - learn.mean((0, 1, 2)))[..., 0] / learn.std((0, 1, 2))[0]
    found = features[np.arange(10)]
    assert features.shape == (6, 6, 2) and found.dtype == "float32"
    np.testing.assert_allclose(found[..., 0], expected, atol=2e-4)  # float32 at 1000
    np.testing.assert_allclose(found[..., 1], 0, atol=1e-9)  # constant


@once
@pytest.mark.parametrize("size", [2, 3, 7, 100])
def test_all_rows_in_order_without_a_seed(size):
    values = np.arange(10.0)[:, None]
    batches = HeadBatches([values, -values], np.arange(10), ROWS, size)
    seen = [(x.tolist(), y.tolist()) for x, y in batches]
    assert len(seen) == len(batches)
    assert [row for _, y in seen for row in y] == ROWS.tolist()
    assert [row for x, _ in seen for row in x] == [[row, -row] for row in ROWS.tolist()]


@once
def test_whole_batches_in_another_order_each_epoch_with_a_seed():
    def epochs(seed):
        batches = HeadBatches([np.zeros((10, 1))], np.arange(10), ROWS, 3, seed)
        assert len(batches) == 2
        return [[y.tolist() for _, y in batches] for _ in range(4)]

    assert epochs(0) == epochs(0) != epochs(1)
    for (first, second), (again, _) in zip(epochs(0), epochs(0)[1:], strict=False):
        assert len(set(first + second)) == 6 and set(first + second) <= set(ROWS.tolist())
        assert first != again


@once
def test_fewer_examples_than_a_batch():
    batches = HeadBatches([np.zeros((10, 1))], np.arange(10), ROWS[:2], 32, seed=0)
    assert [sorted(y.tolist()) for _, y in batches] == [[1, 7]]


@once
@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            keras.Sequential([keras.Input((6, 6, 2)), keras.layers.Reshape((36, 2))]),
            r"\(10, 36, 2\)",
        ),
        (keras.Sequential([keras.Input((6, 6, 2)), keras.layers.Rescaling(np.inf)]), "not finite"),
    ],
    ids=["sequence", "infinite"],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_wrong_features_are_refused(layer, message, maps, tmp_path):
    encoder = keras.Sequential([keras.Input((6, 6, 2)), layer])
    with pytest.raises(ValueError, match=f"'odd'.*{message}"):
        Features("odd", encoder, maps[1], ROWS, tmp_path / "f")
