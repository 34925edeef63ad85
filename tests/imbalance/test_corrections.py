"""Corrections after training against their formulas, and what becomes of the models."""

import keras
import numpy as np
import pytest
import scipy.optimize
from backends import once
from keras import ops
from sklearn.metrics import accuracy_score, f1_score

from kerasnorm.imbalance import (
    LDAM,
    ClassCounts,
    CosineDense,
    adjust_logits,
    correct_prior,
    initial_bias,
    retrain_classifier,
    tau_normalize,
    tune_thresholds,
)

COUNTS = [80, 15, 5]
SHARES = np.array(COUNTS) / 100
K = 3


def softmax(z):
    p = np.exp(z - z.max(-1, keepdims=True))
    return p / p.sum(-1, keepdims=True)


class Subclassed(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.body = keras.layers.Dense(4, "relu")
        self.head = keras.layers.Dense(K)

    def call(self, x):
        return self.head(self.body(x))


def sequential(*last):
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(4, "relu"), *last])


def subclassed():
    model = Subclassed()
    model(np.zeros((1, 2)))
    return model


def segmenter():
    layers = [keras.layers.Flatten(), keras.layers.Dense(8), keras.layers.Reshape((2, 2, 2))]
    return keras.Sequential([keras.Input((2,)), *layers, keras.layers.Conv2D(K, 1)])


MODELS = {
    "logits": lambda: sequential(keras.layers.Dense(K)),
    "softmax": lambda: sequential(keras.layers.Dense(K, "softmax")),
    "softmax layer": lambda: sequential(keras.layers.Dense(K), keras.layers.Softmax()),
    "activation layer": lambda: sequential(
        keras.layers.Dense(K), keras.layers.Activation("softmax")
    ),
    "subclassed": subclassed,
    "label maps": segmenter,
}


def outputs(model, x):
    return ops.convert_to_numpy(model(x, training=False))


@pytest.mark.parametrize(
    ("make", "tau"), [*zip(MODELS.values(), [1.0, 0.5] * 3, strict=True)], ids=MODELS
)
def test_adjust_logits_of_a_model(make, tau, rng, tmp_path):
    model, x = make(), rng.normal(size=(5, 2)).astype("float32")
    before = outputs(model, x)
    adjusted = adjust_logits(model, ClassCounts(COUNTS), tau)
    found = outputs(adjusted, x)
    if np.allclose(before.sum(-1), 1):
        expected = softmax(np.log(before) - tau * np.log(SHARES))
    else:
        expected = before - tau * np.log(SHARES)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(outputs(model, x), before)
    if make is not subclassed:
        adjusted.save(tmp_path / "adjusted.keras")
        again = keras.saving.load_model(tmp_path / "adjusted.keras")
        np.testing.assert_allclose(outputs(again, x), found, rtol=1e-6)


@pytest.mark.parametrize("shape", [(K,), (2, K), (2, 3, 3, K)])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_adjust_logits_of_arrays_and_tensors(shape, dtype, rng):
    z = rng.normal(size=shape).astype(dtype)
    expected = z - np.log(SHARES)
    found = adjust_logits(z, COUNTS)
    assert isinstance(found, np.ndarray)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    tensor = adjust_logits(ops.convert_to_tensor(z), COUNTS)
    assert keras.backend.standardize_dtype(tensor.dtype) == dtype
    tolerance = 1e-6 if dtype == "float32" else 2e-3  # of numbers up to 5
    np.testing.assert_allclose(ops.convert_to_numpy(tensor), expected, tolerance, tolerance)


@once
@pytest.mark.parametrize(
    ("model", "counts", "match"),
    [
        (np.zeros((1, 3)), [5, 0, 1], "class 1"),
        (np.zeros((1, 3)), [5, 1], "3 classes"),
        (np.zeros((1, 3)), "many", "counts"),
        (lambda: sequential(keras.layers.Dense(K, use_bias=False)), COUNTS, "a bias"),
        (lambda: sequential(keras.layers.Dense(K, "sigmoid")), COUNTS, r"rows \(K, 2\)"),
        (lambda: sequential(keras.layers.Dense(K, "relu")), COUNTS, "no activation but"),
        (lambda: sequential(CosineDense(K)), COUNTS, "CosineDense"),
        (lambda: sequential(keras.layers.Dense(2)), COUNTS, "2 classes"),
    ],
)
def test_adjust_logits_refuses(model, counts, match):
    with pytest.raises(ValueError, match=match):
        adjust_logits(model() if callable(model) else model, counts)


@once
def test_adjusted_bayes_decisions_are_balanced(rng):
    """Of two unit normals at 0 and 2 the balanced border is at 1, whatever the shares are."""
    x = np.linspace(-3, 5, 801)
    p = np.exp(-0.5 * (x[:, None] - [0, 2]) ** 2) * [0.99, 0.01]
    z = adjust_logits(np.log(p), [99, 1])
    np.testing.assert_allclose(x[np.argmax(z[:, 1] > z[:, 0])], 1, atol=0.02)


def gaussian_posteriors(rng, n, shares):
    """Exact posteriors, under `SHARES`, of examples that come with other shares."""
    y = rng.choice(K, n, p=shares)
    x = rng.normal(2 * y, 1)
    likelihoods = np.exp(-0.5 * (x[:, None] - 2 * np.arange(K)) ** 2)
    return y, likelihoods, likelihoods * SHARES / (likelihoods @ SHARES)[:, None]


def test_correct_prior_with_known_shares(rng):
    target = np.array([2, 3, 5])
    _, likelihoods, p = gaussian_posteriors(rng, 50, SHARES)
    expected = likelihoods * target / (likelihoods @ target)[:, None]
    for given in (target, ClassCounts(target), (target / 10).tolist()):
        np.testing.assert_allclose(correct_prior(p, COUNTS, given), expected, rtol=1e-6)
    maps = correct_prior(p.reshape(5, 10, K), SHARES, target)
    np.testing.assert_allclose(maps.reshape(50, K), expected, rtol=1e-6)
    tensor = correct_prior(ops.convert_to_tensor(p.astype("float32")), SHARES, target)
    assert keras.backend.standardize_dtype(tensor.dtype) == "float32"
    np.testing.assert_allclose(ops.convert_to_numpy(tensor), expected, rtol=1e-4)


@once
def test_correct_prior_estimates_the_shares(rng):
    """The largest likelihood, found by another algorithm; and near the truth."""
    truth = np.array([0.2, 0.3, 0.5])
    y, likelihoods, p = gaussian_posteriors(rng, 4000, truth)
    found = correct_prior(p, COUNTS)

    def loss(free):
        shares = np.append(free, 1 - free.sum())
        return -np.log((p / SHARES) @ shares).mean()

    bounds = [(1e-6, 1)] * (K - 1)
    best = scipy.optimize.minimize(loss, SHARES[:2], bounds=bounds).x
    np.testing.assert_allclose(found.mean(0)[:2], best, atol=1e-3)
    np.testing.assert_allclose(found.mean(0), truth, atol=0.03)
    accuracy = (found.argmax(-1) == y).mean()
    assert accuracy > (p.argmax(-1) == y).mean() + 0.05
    known = likelihoods * truth / (likelihoods @ truth)[:, None]
    np.testing.assert_allclose(found, known, atol=0.05)


@once
def test_correct_prior_leaves_absent_classes_out():
    p = np.array([[0.7, 0.3, 0.0], [0.2, 0.8, 0.0], [0.6, 0.3, 0.1]])
    found = correct_prior(p, [8, 2, 0])
    np.testing.assert_allclose(found.sum(-1), 1)
    assert not found[:, 2].any()
    np.testing.assert_allclose(correct_prior(p, [1, 1, 1], [1, 0, 1])[:, 1], 0)


@once
@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ((np.array([[0.5, 0.6]]), [1, 1]), "sum to 1"),
        ((np.array([[3.0, -2.0]]), [1, 1]), "sum to 1"),
        ((np.array([0.5, 0.5]), [1, 1]), "rows"),
        ((np.array([[np.nan, 1.0]]), [1, 1]), "sum to 1"),
        ((np.array([[0.5, 0.5]]), [1, 1, 1]), "source"),
        ((np.array([[0.5, 0.5]]), [1, 1], [0, 0]), "target"),
        ((np.array([[0.5, 0.5]]), [1, 1], "uniform"), "target"),
        ((np.array([[0.5, 0.5]]), [1, 0], [1, 1]), "Class 1"),
        ((np.array([[1.0, 0.0]]), [1, 1], [0, 1]), "only on classes"),
    ],
)
def test_correct_prior_refuses(arguments, match):
    with pytest.raises(ValueError, match=match):
        correct_prior(*arguments)


@pytest.mark.parametrize(
    ("name", "tau"), [("logits", 0.5), ("softmax layer", 0), ("subclassed", 1)]
)
def test_tau_normalize(name, tau, rng):
    model, x = MODELS[name](), rng.normal(size=(5, 2)).astype("float32")
    *body, kernel, bias = model.get_weights()
    kernel = kernel * [1.0, 3.0, 0.0]  # a class that was never learnt
    model.set_weights([*body, kernel, bias + 1])
    before = outputs(model, x)
    *kept, found, zeros = tau_normalize(model, tau).get_weights()
    lengths = np.maximum(np.sqrt((kernel.astype(float) ** 2).sum(0)), 1e-30)
    np.testing.assert_allclose(found, kernel / lengths**tau, rtol=1e-5)
    assert not zeros.any()
    for weight, old in zip(kept, body, strict=True):
        np.testing.assert_array_equal(weight, old)
    np.testing.assert_array_equal(outputs(model, x), before)


@once
def test_tau_normalize_refuses():
    with pytest.raises(ValueError, match="tau"):
        tau_normalize(MODELS["logits"](), -1)
    with pytest.raises(ValueError, match="one Dense layer"):
        tau_normalize(sequential(CosineDense(K)), 1)


def tail(rng, n=(300, 30, 6)):
    y = np.repeat(np.arange(K), n)
    centers = np.array([[2, 0], [-1, 2], [-1, -2]])
    return rng.normal(centers[y], 0.5).astype("float32"), y


@pytest.mark.parametrize("last", ["logits", "softmax layer", "cosine"])
def test_retrain_classifier(last, rng, without_tracing):
    """Rare classes are found again; features, flags and the model given stay."""
    makers = {**MODELS, "cosine": lambda: sequential(keras.layers.Dropout(0.2), CosineDense(K))}
    model, (x, y) = makers[last](), tail(rng, (100, 10, 4))
    model.layers[0].trainable = False
    *body, kernel = model.get_weights()[:3]
    settings = {"epochs": 8, "batch_size": 128, "verbose": 0}
    if last == "cosine":
        settings["loss"] = LDAM([1] * K, max_margin=0.1, scale=10)
    retrained = retrain_classifier(model, x, y, optimizer=keras.optimizers.Adam(1.0), **settings)
    recall = [(outputs(retrained, x).argmax(-1) == y)[y == c].mean() for c in range(K)]
    assert min(recall) > 0.6
    for weight, old in zip(retrained.get_weights(), body, strict=False):
        np.testing.assert_array_equal(weight, old)
    assert not retrained.layers[0].trainable and retrained.layers[-1].trainable
    np.testing.assert_array_equal(model.get_weights()[2], kernel)
    assert not np.allclose(retrained.get_weights()[2], kernel)


def test_retrain_classifier_begins_anew(rng, without_tracing):
    model, (x, y) = MODELS["logits"](), tail(rng)
    model.layers[-1].kernel.assign(np.full((4, K), 1e3))
    still = retrain_classifier(
        model, x, y, epochs=1, optimizer=keras.optimizers.SGD(0.0), verbose=0
    )
    assert np.abs(still.get_weights()[2]).max() < 2


@once
@pytest.mark.parametrize("model", [subclassed, lambda: sequential(keras.layers.ReLU()), object])
def test_retrain_classifier_refuses(model, rng):
    with pytest.raises(ValueError, match="ends in a layer with weights"):
        retrain_classifier(model(), *tail(rng), verbose=0)


@once
@pytest.mark.parametrize("metric", [f1_score, accuracy_score])
def test_tune_thresholds_finds_the_best(metric, rng):
    y = (rng.random(80) < 0.2).astype(int)
    scores = np.round(rng.normal(y, 1), 1)  # with ties
    every = np.concatenate([np.unique(scores), [np.inf]])
    best = max(metric(y, scores >= t) for t in every)
    threshold = tune_thresholds(scores, y, metric)
    assert isinstance(threshold, float)
    np.testing.assert_allclose(metric(y, scores >= threshold), best)
    both = tune_thresholds(np.stack([scores, -scores], 1), np.stack([y, y], 1), metric)
    assert both.shape == (2,) and both[0] == threshold


@once
@pytest.mark.parametrize(
    ("scores", "y", "expected"),
    [
        ([0.2, 0.4], [0, 1], 0.3),
        ([0.5, 0.5], [1, 1], 0.5),
        ([0.1, 0.1], [0, 0], 0.1),  # F1 is 0 at every threshold: the nearest to 1/2 of them
        ([0.0, 1.0], [0, 1], 0.5),
        (np.float32([0.3, np.nextafter(np.float32(0.3), 1)]), [0, 1], None),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_tune_thresholds_at_the_edges(scores, y, expected):
    found = tune_thresholds(scores, y, f1_score)
    if expected is not None:
        assert abs(found - expected) < 1e-6
    assert f1_score(y, np.asarray(scores) >= found, zero_division=0) == (1 if any(y) else 0)


@once
def test_tune_thresholds_takes_the_nearest_to_one_half_of_those_as_good():
    scores, y = [0.1, 0.3, 0.6, 0.8], [0, 1, 0, 1]  # from 0.2 on, or from 0.7 on, 3 of 4 are right
    assert tune_thresholds(scores, y, accuracy_score) == pytest.approx(0.7)


@once
def test_tune_thresholds_of_many_scores_takes_a_moment(rng):
    y = (rng.random(20_000) < 0.05).astype(int)
    calls = []
    tune_thresholds(rng.normal(y, 1), y, lambda a, b: calls.append(0) or (a == b).mean())
    assert len(calls) == 1002


@once
@pytest.mark.parametrize(
    ("scores", "y"),
    [([0.5], [2]), ([0.5], [0, 1]), ([[[0.5]]], [[[1]]]), ([np.nan], [1]), ([], [])],
)
def test_tune_thresholds_refuses(scores, y):
    with pytest.raises(ValueError, match="same shape"):
        tune_thresholds(scores, y, f1_score)
    with pytest.raises(ValueError, match="NaN"):
        tune_thresholds([0.5], [1], lambda y, p: np.nan)


@once
def test_initial_bias(rng):
    bias = initial_bias(ClassCounts(COUNTS))
    np.testing.assert_allclose(softmax(bias), SHARES)
    assert bias.dtype == "float64"
    with pytest.raises(ValueError, match="class 1"):
        initial_bias([3, 0])
