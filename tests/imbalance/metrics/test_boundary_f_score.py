"""BoundaryFScore against SciPy's largest matching."""

import keras
import numpy as np
import pytest
from backends import once
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from kerasnorm.imbalance import BoundaryFScore, ClassBalancedBinaryCrossentropy


def largest_matching(found, edges, tolerance):
    found, edges = np.argwhere(found), np.argwhere(edges)
    if not len(found) or not len(edges):
        return 0
    near = np.linalg.norm(found[:, None] - edges[None], axis=-1) <= tolerance
    return int((maximum_bipartite_matching(csr_array(near)) >= 0).sum())


def contours(rng, n=6, size=24):
    """Thin contours of random ellipses, and predictions that are shifted, noisy and broken."""
    rows, columns = np.mgrid[:size, :size]
    maps, predictions = np.zeros((2, n, size, size))
    for i in range(n):
        y, x, a, b = rng.uniform(6, size - 6, 4)
        inside = ((rows - y) / a) ** 2 + ((columns - x) / b) ** 2 < 0.4
        maps[i] = inside & ~(np.roll(inside, 1, 0) & np.roll(inside, 1, 1))
        moved = np.roll(maps[i], rng.integers(-2, 3, 2), (0, 1))
        predictions[i] = (
            moved * rng.uniform(0.3, 1, (size, size)) * (rng.random((size, size)) < 0.9)
        )
        predictions[i] = np.maximum(predictions[i], 0.6 * (rng.random((size, size)) < 0.03))
    return maps, predictions


def f_score(pairs, found, edges):
    return 2 * pairs / (found + edges) if found + edges else 0.0


@once
@pytest.mark.parametrize("tolerance", [0, 1.5, 2])
def test_is_that_of_the_largest_matching(tolerance, rng):
    maps, predictions = contours(rng)
    levels = np.arange(1, 10) / 10
    counts = np.array(
        [
            [
                (largest_matching(p >= level, y > 0, tolerance), (p >= level).sum(), y.sum())
                for level in levels
            ]
            for y, p in zip(maps, predictions, strict=True)
        ]
    )
    ods = max(f_score(*at) for at in counts.sum(0).T.reshape(3, -1).T)
    best = [max(image, key=lambda at: f_score(*at)) for image in counts]
    ois = f_score(*np.sum(best, axis=0))
    metric = BoundaryFScore(tolerance, thresholds=9)
    for rows in (slice(0, 2), slice(2, 6)):
        metric.update_state(maps[rows, ..., None], predictions[rows])
    found = {name: float(value) for name, value in metric.result().items()}
    np.testing.assert_allclose([found["ods"], found["ois"]], [ods, ois], rtol=1e-6)
    logits = np.log(predictions.clip(1e-6, 1 - 1e-6)) - np.log1p(-predictions.clip(1e-6, 1 - 1e-6))
    again = BoundaryFScore(tolerance, thresholds=9, from_logits=True)
    again.update_state(maps, logits + 1e-4)
    np.testing.assert_allclose(float(again.result()["ods"]), found["ods"], rtol=1e-3)


@once
def test_thick_contours_have_false_pixels():
    """Pairs are one to one: within the tolerance, but there is no other pixel to pair with."""
    edges = np.zeros((1, 9, 9))
    edges[:, 4] = 1
    thick = np.zeros_like(edges)
    thick[:, 3:6] = 1
    metric = BoundaryFScore(tolerance=2)
    metric.update_state(edges, thick)
    np.testing.assert_allclose(float(metric.result()["ods"]), 2 * 9 / (9 + 27), rtol=1e-6)


@once
def test_a_pixel_at_the_threshold_is_predicted():
    edges = np.eye(4)[None]
    metric = BoundaryFScore(thresholds=1)
    metric.update_state(edges, 0.5 * edges)
    assert float(metric.result()["ods"]) == 1


@once
def test_contours_that_are_not_there():
    nothing, edges = np.zeros((1, 4, 4)), np.eye(4)[None]
    metric = BoundaryFScore()
    metric.update_state(nothing, 0.4 * edges)  # nothing is marked from the threshold 0.41 up
    metric.update_state(edges, edges)
    assert [float(value) for value in metric.result().values()] == [1.0, 1.0]
    metric.reset_state()
    metric.update_state(nothing, nothing)
    assert [float(value) for value in metric.result().values()] == [0.0, 0.0]


@once
def test_ignored_and_weighted(rng):
    maps, predictions = contours(rng, n=3)
    unsure = rng.random(maps.shape) < 0.2
    metric, plain = BoundaryFScore(ignore_class=255), BoundaryFScore()
    metric.update_state(np.where(unsure, 255, maps), predictions, np.array([1, 0, 2]))
    kept = [0, 2, 2]
    plain.update_state((maps * ~unsure)[kept], (predictions * ~unsure)[kept])
    for name, value in plain.result().items():
        np.testing.assert_allclose(float(metric.result()[name]), float(value), rtol=1e-6)


@once
@pytest.mark.parametrize(
    ("y", "p", "match"),
    [
        (np.zeros((1, 4, 4)), np.full((1, 4, 4), 1.5), "from_logits=True"),
        (np.full((1, 4, 4), 255), np.zeros((1, 4, 4)), "0 or 1"),
        (np.zeros((1, 4, 4)), np.zeros((1, 4, 5)), "shape"),
        (np.zeros((4, 4)), np.zeros((4, 4)), "maps"),
    ],
)
def test_wrong_input_is_refused(y, p, match):
    with pytest.raises(ValueError, match=match):
        BoundaryFScore().update_state(y, p)


def test_in_fit(rng):
    maps = rng.random((4, 8, 8)) < 0.2
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(1, 1)])
    metric = BoundaryFScore(1, thresholds=5, from_logits=True)
    settings = {"loss": ClassBalancedBinaryCrossentropy(), "weighted_metrics": [metric]}
    compiled = keras.config.backend() == "jax"
    model.compile(keras.optimizers.SGD(0.0), **settings, jit_compile=compiled)
    x, weights = maps[..., None], np.array([1.0, 2.0, 0.0, 1.0])
    history = model.fit(x, maps, batch_size=3, sample_weight=weights, verbose=0).history
    again = BoundaryFScore(1, thresholds=5, from_logits=True)
    again.update_state(maps, model(x), weights)
    for name, value in again.result().items():
        np.testing.assert_allclose(history[name][0], float(value), rtol=1e-6)
    if keras.config.backend() == "tensorflow":
        model.compile(keras.optimizers.SGD(0.0), **settings, jit_compile=True)
        with pytest.raises(ValueError, match="jit_compile=False"):
            model.fit(x, maps, verbose=0)
