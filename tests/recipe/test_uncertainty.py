"""Intervals, differences and temperatures against SciPy and formulas."""

import numpy as np
import pytest
from backends import once

from kerasnorm.recipe import Evaluation, LabelsEvaluation, MapEvaluation
from kerasnorm.recipe.results import (
    PixelCounts,
    Predictions,
    Recorder,
    Trial,
    where_it_does_not_help,
)
from kerasnorm.recipe.results._difference import difference
from kerasnorm.recipe.results._intervals import wilson
from kerasnorm.recipe.results._temperature import scaled_calibration, temperature

pytestmark = once
NAMES, COUNTS = ("a", "b"), np.array([9, 1])


@pytest.mark.parametrize(("hits", "total"), [(0, 5), (3, 7), (7, 7), (199, 200), (1, 1)])
def test_wilson(hits, total):
    stats = pytest.importorskip("scipy.stats")
    ends = stats.binomtest(hits, total).proportion_ci(method="wilson")
    np.testing.assert_allclose(wilson(hits / total, total), (ends.low, ends.high), atol=1e-6)


def test_wilson_of_a_class_with_no_example():
    assert np.isnan(wilson(np.nan, 0)).all()


def predictions(labels, right, sure=0.9):
    found = np.where(right, labels, 1 - labels)
    return Predictions(labels, np.where(found[:, None] == [0, 1], sure, 1 - sure))


def trial_of(found):
    confusion = found.confusion(np.ones(found.size)).astype(int)
    return Trial({}, Evaluation(NAMES, COUNTS, confusion), found)


def test_the_interval_of_a_difference_is_paired():
    """Two ways that differ in three examples of 400, though each is wrong in a quarter of them."""
    rng = np.random.default_rng(0)
    labels, right = np.tile([0, 1], 200), rng.random(400) < 0.75
    better = right.copy()
    better[np.flatnonzero(~right)[:3]] = True
    ours, theirs = (trial_of(predictions(labels, each)) for each in (better, right))
    found = difference([ours], [theirs])
    assert found.mean == pytest.approx(3 / 400, abs=1e-3)
    # of a mean of 400 that are 0 or, three times, 1
    deviation = np.std([1] * 3 + [0] * 397) / 20
    np.testing.assert_allclose([found.low, found.high], found.mean + 1.96 * deviation *
                               np.array([-1, 1]), atol=0.004)  # fmt: skip
    same = difference([ours], [ours])
    assert (same.low, same.high) == (0, 0)


def test_says_whether_the_examples_can_tell():
    labels = np.tile([0, 1], 50)
    good, bad = np.arange(100) >= 10, np.arange(100) >= 50
    nearly = good.copy()
    nearly[[10, 11, 0]] = [False, False, True]
    ways = {name: [trial_of(predictions(labels, right))] for name, right in
            [("bad", bad), ("nearly", nearly), ("good", good)]}  # fmt: skip
    said = where_it_does_not_help(ways)
    assert (
        "good has balanced accuracy 90.0 %; against bad (50.0 %) +40.0 points (95 % inter" in said
    )
    assert ": ahead), lower recall on no class; against nearly" in said
    assert ": 100 held-out examples cannot tell them apart), lower recall on" in said


def test_other_examples_have_no_interval():
    one = trial_of(predictions(np.array([0, 1, 1]), np.ones(3, bool)))
    other = trial_of(predictions(np.array([0, 0, 1]), np.ones(3, bool)))
    assert np.isnan(difference([one], [other]).low)
    assert str(difference([one], [Trial({}, other.evaluation)])) == "+0.0 points"


def test_label_maps_are_drawn_whole():
    rng = np.random.default_rng(0)
    maps = rng.integers(1, 9, (30, 2, 2))
    moved = maps[:, 0, 1] // 2
    better = maps.copy()
    better[:, 0] += np.stack([moved, -moved], axis=1)

    def trial(confusions):
        return Trial(
            {}, MapEvaluation(NAMES, COUNTS, confusions.sum(axis=0)), PixelCounts(confusions)
        )

    found = difference([trial(better)], [trial(maps)])
    assert 0 < found.low < found.mean < found.high and found.examples == 30
    assert np.isnan(difference([trial(maps + 1)], [trial(maps)]).low)  # other pixels


@pytest.mark.parametrize("by", [0.5, 1.0, 3.0])
def test_temperature(by):
    optimize = pytest.importorskip("scipy.optimize")
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(400, 3)) * 2
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (rng.random((400, 1)) > shares.cumsum(axis=1)).sum(axis=1)

    def loss(log_t):
        scaled = by * logits / np.exp(log_t)
        return (np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(400), labels]).mean()

    expected = np.exp(optimize.minimize_scalar(loss, bounds=(-3, 3), method="bounded").x)
    assert temperature(labels, by * logits) == pytest.approx(expected, rel=1e-3)
    shares = np.exp(by * logits) / np.exp(by * logits).sum(axis=1, keepdims=True)
    after, found = scaled_calibration(Predictions(labels, shares))
    assert found == pytest.approx(expected, rel=1e-3) and sum(after.counts) == 400
    assert after.error < 0.08


def test_temperature_of_extremes():
    labels = np.repeat([0, 1], 20)
    assert temperature(labels, np.log(predictions(labels, np.ones(40, bool)).probabilities)) < 0.06
    sure = Predictions(labels, np.eye(2)[labels])  # probabilities of 0
    after, _ = scaled_calibration(sure)
    assert after.error == pytest.approx(0, abs=1e-6)
    assert scaled_calibration(Predictions(labels[:19], np.eye(2)[labels[:19]])) is None


def test_the_surest_mistakes_come_first():
    shares = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.1, 0.9]])
    assert Predictions(np.array([1, 1, 0, 1]), shares).mistakes().tolist() == [0, 2, 1]


@pytest.mark.parametrize("logits", [True, False])
def test_one_output_tells_two_classes(logits):
    outputs = np.array([[-1.0], [2.0]]) if logits else np.array([[0.25], [0.75]])
    recorder = Recorder(2, logits)
    batches = [(np.array([0, 1]), outputs, np.ones(2))]  # with weights
    assert list(recorder.passing(batches)) == batches
    found = recorder.result()
    expected = 1 / (1 + np.exp(-outputs)) if logits else outputs
    np.testing.assert_allclose(found.probabilities[:, 1:], expected)
    assert found.predicted.tolist() == [0, 1]


def test_other_outputs_are_not_recorded():
    recorder = Recorder(3, logits=True)
    list(recorder.passing([(np.zeros((2, 4, 4)), np.zeros((2, 4, 4, 1)))]))  # contours
    assert recorder.result() is None


def test_several_labels():
    """The difference of two average precisions, with the examples drawn anew for both."""
    rng = np.random.default_rng(0)
    labels = rng.random((80, 3)) < 0.4
    logits = [2 * labels + rng.normal(size=(80, 3)), labels + rng.normal(size=(80, 3))]
    trials = []
    for each in logits:
        recorder = Recorder(3, logits=True)
        batches = recorder.passing([(labels.astype(int), each)])
        evaluation = LabelsEvaluation.of(tuple("abc"), np.ones(3, int), batches, True)
        trials.append([Trial({}, evaluation, recorder.result())])
        assert evaluation.support.tolist() == labels.sum(axis=0).tolist()
    better, worse = trials
    found = difference(better, worse)
    assert 0 < found.low < found.mean < found.high < 0.5 and found.examples == 80
    metrics = pytest.importorskip("sklearn.metrics")
    weights = np.bincount(rng.integers(0, 80, 80), minlength=80).astype(float)
    kept = better[0].predictions
    expected = metrics.average_precision_score(labels, logits[0], sample_weight=weights)
    score = kept.resampled(better[0].evaluation, weights).score
    assert score == pytest.approx(expected, abs=1e-6)
    row, label = kept.mistakes()[0]
    share = kept.probabilities[row, label]
    assert (share > 0.5) != labels[row, label]
    wrong = (kept.probabilities > 0.5) != labels
    assert abs(share - 0.5) == np.abs(kept.probabilities - 0.5)[wrong].max()
