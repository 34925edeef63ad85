"""The scores equal their definitions, where the straightforward code does not."""

import numpy as np
import pytest
from backends import once
from scipy.stats import multivariate_normal
from sklearn.metrics import mutual_info_score
from transfer.transferability import dense

from kerasnorm import transfer
from kerasnorm.transfer import gbc, h_score, leep, logme, nce, trans_rate

pytestmark = once  # tensors: test_tensors


def plain_h_score(features, y):
    return h_score(features, y, regularized=False)


def dense_plain_h_score(features, y):
    return dense.published_h_score(features, y, regularized=False)


def published_h_score(features, y):
    return h_score(features, y, leave_one_out=False)


OF_FEATURES = {
    "logme": (logme, dense.logme),
    "h_score": (h_score, dense.h_score),
    "h_score_published": (published_h_score, dense.published_h_score),
    "h_score_plain": (plain_h_score, dense_plain_h_score),
    "trans_rate": (trans_rate, dense.trans_rate),
    "gbc": (gbc, dense.gbc),
}
each_score = pytest.mark.parametrize("name", OF_FEATURES)


def features_of(n, width, classes=3, signal=1.0, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    features = rng.normal(size=(n, width))
    features[:, 0] += signal * y
    return features, y


def duplicated():
    features, y = features_of(90, 6)
    return np.concatenate([features, features[:, :3], np.full((90, 2), 0.1)], axis=1), y


def one_example():
    features, y = features_of(60, 8)
    y[y == 2] = 1
    y[7] = 2
    return features, y


def unequal_scales():
    features, y = features_of(90, 6)
    return features * [1, 1e-2, 1, 1e2, 1, 1e-1], y


CASES = {
    "tall": lambda: features_of(150, 7),
    "wide": lambda: features_of(40, 128, signal=3.0),
    "square": lambda: features_of(50, 50),
    "more_than_64_components": lambda: features_of(120, 90),
    "one_feature": lambda: features_of(30, 1),
    "two_classes": lambda: features_of(60, 5, classes=2),
    "many_classes": lambda: features_of(60, 12, classes=8),
    "rank_deficient": duplicated,
    "constant_feature": lambda: (lambda x, y: (np.c_[x, np.full(80, 3.0)], y))(*features_of(80, 5)),
    "one_example_of_a_class": one_example,
    "unequal_scales": unequal_scales,
    "no_signal": lambda: features_of(80, 6, signal=0.0),
    "mean_100": lambda: (lambda x, y: (x + 100, y))(*features_of(80, 6)),
}


@each_score
@pytest.mark.parametrize("case", CASES)
def test_equals_the_dense_definition(name, case):
    score, expected = OF_FEATURES[name]
    features, y = CASES[case]()
    tolerance = 1e-6 if name == "logme" else 1e-8  # of the oracle's search
    np.testing.assert_allclose(score(features, y), expected(features, y), atol=tolerance)


@pytest.mark.parametrize("logs", [(0.0, 2.0), (8.0, -3.0), (-2.0, 1.0)])
def test_the_evidence_of_the_oracle_is_scipys(logs):
    features, y = features_of(30, 4)
    covariance = np.eye(30) * np.exp(-logs[1]) + features @ features.T * np.exp(-logs[0])
    expected = multivariate_normal(np.zeros(30), covariance).logpdf(y == 1)
    np.testing.assert_allclose(dense.evidence(features, y == 1)(logs), expected, rtol=1e-9)


@each_score
def test_float32_features_of_mean_10000(name):
    """Σx² − N·mean² and FᵀF would leave nothing of a deviation of 1."""
    score, _ = OF_FEATURES[name]
    features, y = features_of(400, 12)
    shifted = (features + 1e4).astype("float32")
    rounded = shifted.astype("float64") - 1e4
    if name == "logme":  # not invariant to the mean: the same features, in exact steps
        expected = _logme_by_svd(shifted.astype("float64"), y)
    else:
        expected = OF_FEATURES[name][1](rounded, y)
    np.testing.assert_allclose(score(shifted, y), expected, atol=1e-7)


def _logme_by_svd(features, y):
    """The evidence on a fine grid of α/β, from the singular values."""
    left, singular, _ = np.linalg.svd(features, full_matrices=False)
    n, t = len(y), np.exp(np.linspace(-60, 80, 14001))[:, None]
    shrunk = t / (t + singular**2)
    best = []
    for label in np.unique(y):
        target = (y == label).astype(float)
        inside = left.T @ target
        misfit = (inside**2 * shrunk).sum(1) + ((target - left @ inside) ** 2).sum()
        density = n * np.log(n / misfit / 2 / np.pi) - n + np.log(shrunk).sum(1)
        best.append(density.max() / 2 / n)
    return np.mean(best)


UNLIKE = [1e12, 1e2, 1e4, 1e7, 1e4, 1.0]  # FᵀF keeps nothing of the last


@pytest.mark.parametrize("name", ["logme", "h_score", "h_score_published", "h_score_plain", "gbc"])
def test_features_of_very_unlike_scales(name):
    features, y = features_of(120, 6, signal=0.0)
    features[:, -1] += 3 * y
    scaled = features * UNLIKE
    if name == "logme":
        expected = _logme_by_svd(scaled, y)
    elif name == "h_score_plain":
        expected = h_score(features, y, regularized=False)  # whitening undoes the scales
    else:
        expected = OF_FEATURES[name][1](scaled, y)
    np.testing.assert_allclose(OF_FEATURES[name][0](scaled, y), expected, rtol=1e-6)


def test_logme_of_features_of_mean_10_million():
    """All columns alike, and FᵀF has lost what tells the classes apart."""
    features, y = features_of(120, 6, signal=3.0)
    np.testing.assert_allclose(
        logme(features + 1e7, y), _logme_by_svd(features + 1e7, y), rtol=1e-6
    )


def test_h_score_tells_wide_features_that_say_nothing():
    """The published score is 1.3 of at most 2 for labels that are none of the features'."""
    scales = np.geomspace(1, 1e-2, 400)
    said, silent = features_of(80, 400, signal=4.0), features_of(80, 400, signal=0.0)
    said, silent = ((features * scales, y) for features, y in (said, silent))
    assert published_h_score(*silent) > 0.69 * published_h_score(*said)
    assert h_score(*said) > 0.2 and h_score(*silent) < 0


def test_h_score_without_regularization_has_no_leave_one_out():
    with pytest.raises(ValueError, match=r"leave_one_out=True` needs `regularized=True"):
        h_score(*features_of(30, 4), regularized=False, leave_one_out=True)


def test_gbc_of_one_direction_far_larger_than_the_others():
    """FᵀF turns the components of the others by a hundredth."""
    features, y = features_of(120, 6, signal=0.0)
    features[:, -1] += y
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))[0]
    features = features * [1e7, 3.0, 2.0, 1.5, 1.0, 0.7] @ rotation
    np.testing.assert_allclose(gbc(features, y), dense.gbc(features, y), rtol=1e-6)


def test_trans_rate_of_large_features_in_duplicate():
    """det(I + [F F]ᵀ[F F]) = det(I + 2FᵀF), of which a matrix of 1e18 in float64 says nothing."""
    features, y = features_of(90, 5)
    twice = np.concatenate([features, features], axis=1)
    expected = trans_rate(np.sqrt(2) * features, y, epsilon=1e-18)
    np.testing.assert_allclose(trans_rate(twice, y, epsilon=1e-18), expected, rtol=1e-8)


def test_logme_does_not_count_directions_without_features():
    """Zero columns, and rotations into more dimensions, change nothing: no D/2 log α."""
    features, y = features_of(60, 10)
    expected = logme(features, y)
    wider = np.concatenate([features, np.zeros((60, 118))], axis=1)
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(128, 128)))[0]
    np.testing.assert_allclose(logme(wider, y), expected, atol=1e-10)
    np.testing.assert_allclose(logme(wider @ rotation, y), expected, atol=1e-10)


def test_logme_is_the_same_for_any_scale_of_the_features():
    features, y = features_of(90, 10)
    for scale in (1e-100, 1e-6, 1e6, 1e100):
        np.testing.assert_allclose(logme(scale * features, y), logme(features, y), atol=1e-9)


@pytest.mark.parametrize("n", [30, 300])
def test_logme_of_classes_told_apart_exactly_is_bounded(n):
    y = np.arange(n) % 3
    score = logme(np.eye(3)[y], y)
    assert 10 < score <= 0.5 * np.log(1e12 / (2 * np.pi))
    noisy = np.eye(3)[y] + 1e-4 * np.random.default_rng(0).normal(size=(n, 3))
    assert logme(noisy, y) < score


@each_score
@pytest.mark.parametrize("value", [0.0, 0.1, 1e4])
def test_constant_features_say_nothing(name, value):
    score, _ = OF_FEATURES[name]
    y = np.arange(30) % 3
    found = score(np.full((30, 4), value), y)
    if name == "gbc":
        assert found == -6
    elif name == "logme":
        shares = np.full(3, 1 / 3)
        least = -0.5 * (np.log(2 * np.pi * shares) + 1).mean()  # N(0, 1/β) for each target
        assert least <= found < least + 0.3
    else:
        assert found == 0


@each_score
@pytest.mark.parametrize("n", [12, 40])
def test_every_class_with_one_example(name, n):
    features, _ = features_of(n, 20)
    assert np.isfinite(OF_FEATURES[name][0](features, np.arange(n)))


@each_score
def test_better_separated_classes_score_higher(name):
    scores = [OF_FEATURES[name][0](*features_of(150, 6, signal=s)) for s in (0.0, 1.0, 4.0)]
    assert scores == sorted(scores) and scores[0] < scores[2]


def test_gbc_of_classes_far_apart_is_small_and_not_0():
    features, y = features_of(60, 4, signal=20.0)
    np.testing.assert_allclose(gbc(features, y), dense.gbc(features, y), rtol=1e-6)
    assert -1e-16 < gbc(features, y) < 0


@each_score
def test_one_class(name):
    features, y = features_of(30, 4)
    assert np.isfinite(OF_FEATURES[name][0](features, 0 * y))
    assert np.isfinite(OF_FEATURES[name][0](features[:1], y[:1]))


def softmax(logits):
    exp = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exp / exp.sum(axis=1, keepdims=True)


def test_leep_equals_the_double_loop(rng):
    theta, y = softmax(rng.normal(size=(50, 7)) * 3), rng.integers(0, 4, 50)
    np.testing.assert_allclose(leep(theta, y), dense.leep(theta, y), rtol=1e-12)
    np.testing.assert_allclose(leep(theta.astype("float32"), y), dense.leep(theta, y), rtol=1e-6)


def test_leep_with_source_classes_that_no_example_uses(rng):
    theta, y = softmax(rng.normal(size=(50, 4))), rng.integers(0, 4, 50)
    padded = np.insert(theta, [0, 2, 4], 0.0, axis=1)
    np.testing.assert_allclose(leep(padded, y), leep(theta, y), rtol=1e-12)


def test_leep_of_a_source_that_tells_the_label():
    y = np.arange(12) % 3
    assert leep(np.eye(3)[y], y) == 0
    assert leep(np.eye(3)[(y + 1) % 3], y) == 0  # whatever the source calls it


def test_nce_is_mutual_information_less_entropy(rng):
    source, y = rng.integers(0, 5, 200), rng.integers(0, 3, 200)
    y[:100] = source[:100] % 3
    shares = np.bincount(y) / 200
    expected = mutual_info_score(source, y) + (shares * np.log(shares)).sum()
    np.testing.assert_allclose(nce(source, y), expected, rtol=1e-10)
    assert nce(y, y) == 0
    np.testing.assert_allclose(nce(np.zeros(200, int), y), (shares * np.log(shares)).sum())


# What all six have in common.

ALL = {**{name: pair[0] for name, pair in OF_FEATURES.items()}, "leep": leep, "nce": nce}
every_score = pytest.mark.parametrize("name", ALL)


def first_argument(name, n=60):
    rng = np.random.default_rng(3)
    if name == "leep":
        return softmax(rng.normal(size=(n, 5)))
    return rng.integers(0, 5, n) if name == "nce" else rng.normal(size=(n, 5))


@every_score
def test_labels_may_be_strings_or_have_gaps_in_any_order(name):
    given, y = first_argument(name), np.random.default_rng(4).integers(0, 3, 60)
    expected = ALL[name](given, y)
    for names in (["ox", "a", "cat"], [1000, -7, 3], [b"x", b"b", b"c"], [2.0, 0.0, 7.0]):
        labels = np.array(names)[y]
        for form in (labels, labels.tolist(), labels.astype(object), labels[:, None]):
            np.testing.assert_allclose(ALL[name](given, form), expected, rtol=1e-9)
    order = np.random.default_rng(5).permutation(60)
    np.testing.assert_allclose(ALL[name](given[order], y[order]), expected, rtol=1e-9)


@every_score
def test_inputs_are_never_written_to(name):
    given, y = first_argument(name), np.arange(60) % 3
    before = given.copy(), y.copy()
    given.flags.writeable = y.flags.writeable = False
    result = ALL[name](given, y)
    assert type(result) is float
    assert (given == before[0]).all() and (y == before[1]).all()


@every_score
def test_lists_are_arrays_too(name):
    given, y = first_argument(name), np.arange(60) % 3
    assert ALL[name](given.tolist(), y.tolist()) == ALL[name](given, y)


@every_score
@pytest.mark.parametrize("length", [0, 59, 61])
def test_lengths_that_differ_are_refused(name, length):
    with pytest.raises(ValueError, match="label"):
        ALL[name](first_argument(name), np.zeros(length, int))


@every_score
@pytest.mark.parametrize(
    "y",
    [np.eye(3)[np.arange(60) % 3], np.linspace(0, 1, 60), np.full(60, np.nan), [None] * 60],
    ids=["one_hot", "regression", "nan", "none"],
)
def test_labels_that_are_none(name, y):
    with pytest.raises(ValueError, match=r"`y` should"):
        ALL[name](first_argument(name), y)


@each_score
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite(name, value):
    features, y = features_of(30, 4)
    features[11, 2] = value
    with pytest.raises(ValueError, match=r"finite.*row 11"):
        ALL[name](features, y)


@each_score
@pytest.mark.parametrize("shape", [(30,), (30, 2, 2, 4), (0, 4), (30, 0), ()])
def test_features_of_another_rank(name, shape):
    with pytest.raises(ValueError, match=r"`features` should be features \(N, D\).*shape"):
        ALL[name](np.zeros(shape), np.arange(30) % 3)


@each_score
def test_features_that_are_no_numbers(name):
    with pytest.raises(ValueError, match="real numbers"):
        ALL[name](np.full((30, 2), "a"), np.arange(30) % 3)


@pytest.mark.parametrize(
    "row",
    [[1.2, -0.2], [0.4, 0.4], [2.0, -1.0], [np.nan, 1.0], [np.inf, 0.0], [3.1, -2.0]],
    ids=str,
)
def test_leep_of_what_is_no_probability(row):
    theta = np.full((30, 2), 0.5)
    theta[4] = row
    with pytest.raises(ValueError, match=r"sum to 1.*row 4.*softmax"):
        leep(theta, np.arange(30) % 2)


@pytest.mark.parametrize("epsilon", [0, -1e-4, np.nan, np.inf, "small", True])
def test_epsilon_out_of_range(epsilon):
    with pytest.raises(ValueError, match="epsilon"):
        trans_rate(*features_of(30, 4), epsilon=epsilon)


def test_epsilon_is_used():
    features, y = features_of(90, 4)
    for epsilon in (1e-9, 1e-2, 10.0):
        expected = dense.trans_rate(features, y, epsilon)
        np.testing.assert_allclose(trans_rate(features, y, epsilon), expected, rtol=1e-7)


def test_scores_are_in_both_places():
    for name in ("gbc", "h_score", "leep", "logme", "nce", "trans_rate"):
        assert getattr(transfer, name) is getattr(transfer.transferability, name)
