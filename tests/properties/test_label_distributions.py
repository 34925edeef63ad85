"""Counts, weights, samples, losses and metrics on whatever labels come up."""

import collections

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from imbalance.loss_formulas import crossentropy, logit_adjusted
from keras import ops
from sklearn import metrics as sk
from sklearn.utils.class_weight import compute_class_weight

import kerasnorm as kn
from kerasnorm.imbalance import BalancedAccuracy, LogitAdjusted, MacroF1, correct_prior

many_labels = st.lists(st.integers(0, 6), min_size=1, max_size=60)
names = st.lists(st.sampled_from(["owl", "cat", "é", "", "a b", "10"]), min_size=2, max_size=40)
frequencies = st.lists(st.integers(1, 10**6), min_size=2, max_size=12)
seeds = st.integers(0, 2**32 - 1)


@given(st.one_of(many_labels, names))
def test_counts_are_the_frequencies(labels):
    counts = kn.count_classes(np.array(labels))
    found = collections.Counter(labels)
    assert {k: n for k, n in zip(counts.labels, counts.counts.tolist(), strict=True) if n} == found
    assert counts.ratio == max(found.values()) / min(found.values())


@given(seeds, st.integers(1, 5), st.booleans())
def test_counts_of_label_maps(seed, classes, ignored):
    rng = np.random.default_rng(seed)
    maps = rng.integers(0, classes, (rng.integers(1, 4), *rng.integers(1, 7, 2)))
    kept = np.ones(maps.shape, bool)
    if ignored:
        kept = rng.uniform(size=maps.shape) < 0.7
        maps = np.where(kept, maps, 255)
    given = {"ignore_class": 255} if ignored else {}
    counts = kn.count_classes(maps, num_classes=classes, **given)
    np.testing.assert_array_equal(counts.counts, np.bincount(maps[kept], minlength=classes))
    weights = kn.class_weights(counts, missing="zero")
    pixels = weights.sample_weights(maps)
    assert pixels.shape == maps.shape and not pixels[~kept].any()
    for label in range(classes):
        np.testing.assert_allclose(pixels[kept & (maps == label)], weights[label], rtol=1e-6)


SCHEMES = ("balanced", "inverse", "sqrt", "effective_number", "median_frequency", "log")


@given(frequencies, st.sampled_from(SCHEMES), st.sampled_from([0.0, 0.9, 0.9999, 1 - 1e-12]))
def test_weights_have_their_normalization(counts, scheme, beta):
    counts = np.array(counts)
    mean, expected, plain = (
        kn.class_weights(counts, scheme, beta=beta, normalize=each).as_numpy()
        for each in ("mean", "expected", None)
    )
    assert np.isfinite(plain).all() and (plain > 0).all()
    assert mean.sum() == pytest.approx(len(counts))
    assert (expected * counts).sum() == pytest.approx(counts.sum())
    np.testing.assert_allclose(mean / mean[0], plain / plain[0])
    order = np.argsort(counts)
    assert (np.diff(plain[order]) <= 1e-12 * plain.max()).all()  # the rarer the heavier
    if scheme == "balanced":
        labels = np.repeat(np.arange(len(counts)), np.minimum(counts, 100))
        theirs = compute_class_weight("balanced", classes=np.unique(labels), y=labels)
        ours = kn.class_weights(np.minimum(counts, 100), normalize=None).as_numpy()
        np.testing.assert_allclose(ours, theirs)


@settings(max_examples=settings.default.max_examples // 3)  # each makes two pipelines
@given(many_labels, st.sampled_from(["class_balanced", "square_root"]), seeds, st.integers(1, 70))
def test_a_sample_has_the_shares_of_its_strategy(labels, strategy, seed, epoch_size):
    labels = np.array(labels)
    ids = np.arange(len(labels))
    drawn = []
    for _ in range(2):
        dataset = kn.resample((ids, labels), strategy, 8, seed, epoch_size)
        drawn.append(np.concatenate([x.numpy() for x, _ in dataset]))
        assert len(dataset) == -(-epoch_size // 8)
    np.testing.assert_array_equal(*drawn)
    assert len(drawn[0]) == epoch_size
    counts = np.bincount(labels)
    shares = np.sqrt(counts) if strategy == "square_root" else (counts > 0).astype(float)
    expected = epoch_size * (shares / shares.sum() / np.maximum(counts, 1))[labels]
    found = np.bincount(drawn[0], minlength=len(labels))
    assert (np.abs(found - expected) < 1).all()  # rounded down or up


@given(frequencies, seeds, st.sampled_from([0.0, 0.5, 1.0, 2.0]), st.sampled_from([1, 1e4]))
def test_the_loss_equals_the_formula(counts, seed, tau, scale):
    rng = np.random.default_rng(seed)
    z = (scale * rng.normal(size=(7, len(counts)))).astype("float32")
    y = rng.integers(0, len(counts), 7)
    loss = float(LogitAdjusted(counts, tau)(y, z))
    expected = logit_adjusted(z.astype("float64"), y, None, counts, tau).mean()
    assert loss == pytest.approx(expected, rel=1e-5, abs=1e-5)
    if tau == 1:
        assert float(kn.BalancedSoftmax(counts)(y, z)) == pytest.approx(loss, rel=1e-6, abs=1e-6)
    adjusted = kn.adjust_logits(z.astype("float64"), counts, tau)
    plain = crossentropy(adjusted + tau * np.log(np.divide(counts, np.sum(counts))), y).mean()
    assert plain == pytest.approx(crossentropy(z.astype("float64"), y).mean(), rel=1e-6, abs=1e-6)


@given(frequencies, frequencies, seeds)
def test_correcting_a_prior_can_be_undone(source, target, seed):
    size = min(len(source), len(target))
    source, target = source[:size], target[:size]
    p = np.random.default_rng(seed).dirichlet(np.ones(size), 5)
    there = correct_prior(p, source, target)
    np.testing.assert_allclose(there.sum(-1), 1)
    np.testing.assert_allclose(correct_prior(there, target, source), p, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(correct_prior(p, source, source), p, rtol=1e-9)


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@pytest.mark.filterwarnings("ignore:A single label was found")
@given(many_labels, seeds, st.integers(1, 4))
def test_metrics_equal_scikit_learn(labels, seed, batches):
    labels = np.array(labels)
    assume(len(labels) >= batches)
    z = np.random.default_rng(seed).normal(size=(len(labels), 7)).astype("float32")
    predicted = z.argmax(-1)
    for metric, expected in (
        (BalancedAccuracy(7), sk.balanced_accuracy_score(labels, predicted)),
        (MacroF1(7), sk.f1_score(labels, predicted, average="macro")),
    ):
        for part in np.array_split(np.arange(len(labels)), batches):
            metric.update_state(labels[part], z[part])
        assert float(ops.convert_to_numpy(metric.result())) == pytest.approx(expected, abs=1e-6)
