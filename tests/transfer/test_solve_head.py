"""solve_head against scikit-learn's logistic regression, and what it makes of priors and labels."""

import keras
import numpy as np
import pytest
from backends import once
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from kerasnorm.transfer import solve_head
from kerasnorm.transfer.solving import _penalties

CLASSES = 4


def problem(count=120, width=30, classes=CLASSES, distance=1.0, seed=0):
    """Returns correlated features far from 0, in unlike units, and unequal classes."""
    rng = np.random.default_rng(seed)
    shares = np.arange(1, classes + 1) / np.arange(1, classes + 1).sum()
    y = np.concatenate([np.arange(classes), rng.choice(classes, count - classes, p=shares)])
    features = rng.normal(size=(count, width)) + distance * rng.normal(size=(classes, width))[y]
    mixed = features @ rng.normal(size=(width, width)) + 5
    return (mixed * np.logspace(-2, 2, width)).astype("float32"), y


def standardised(features):
    return StandardScaler().fit_transform(features.astype("float64"))


def objective(features, targets, kernel, bias, penalty, softmax=True, weights=1):
    """The mean of what is minimised, from its definition in float64."""
    logits = features.astype("float64") @ kernel.astype("float64") + bias
    if softmax:
        losses = np.logaddexp.reduce(logits, axis=1) - (targets * logits).sum(axis=1)
    else:
        losses = (np.logaddexp(0, logits) - targets * logits).sum(axis=1)
    scaled = kernel * features.std(axis=0, dtype="float64")[:, None]
    return (np.sum(weights * losses) + penalty / 2 * np.sum(scaled**2)) / len(features)


def of_scikit_learn(features, y, penalty, **fit):
    """Returns the kernel and bias of scikit-learn's optimum, for the raw features."""
    model = LogisticRegression(C=1 / penalty, max_iter=10_000, tol=1e-8)
    model.fit(standardised(features), y, **fit)
    kernel = model.coef_.T / features.std(axis=0, dtype="float64")[:, None]
    return kernel, model.intercept_ - features.mean(axis=0, dtype="float64") @ kernel


@pytest.mark.parametrize("penalty", [0.1, 10])
@pytest.mark.parametrize("size", [(120, 30), (40, 90)], ids=["tall", "wide"])
@pytest.mark.parametrize("weighed", [False, True])
def test_is_the_optimum_of_scikit_learn(size, penalty, weighed):
    features, y = problem(*size)
    weights = np.random.default_rng(1).uniform(0.5, 2, len(y)) if weighed else None
    head = solve_head(features, y, weights=weights, penalty=penalty)
    expected = of_scikit_learn(features, y, penalty, sample_weight=weights)
    targets, each = np.eye(CLASSES)[y], 1 if weights is None else weights
    found, best = (
        objective(features, targets, kernel, bias, penalty, weights=each)
        for kernel, bias in ((head.kernel, head.bias), expected)
    )
    assert abs(found - best) < 1e-5
    assert head.kernel.dtype == head.bias.dtype == np.float32
    assert (head.penalty, head.scores) == (penalty, {})


@once
def test_two_classes_are_a_sigmoid_of_half_the_penalty():
    features, y = problem(classes=2)
    head = solve_head(features, y, weights=None, penalty=6)
    kernel, bias = of_scikit_learn(features, y, 3)
    logits = features @ head.kernel + head.bias
    expected = features @ kernel + bias
    np.testing.assert_allclose(logits[:, 1:] - logits[:, :1], expected, rtol=1e-2, atol=1e-2)


@once
def test_several_labels_are_as_many_regressions():
    features, _ = problem()
    y = (np.random.default_rng(1).random((len(features), 3)) < [0.5, 0.3, 0.1]).astype(int)
    head = solve_head(features, y, weights=None, penalty=2)
    each = [of_scikit_learn(features, column, 2) for column in y.T]
    kernel, bias = (np.concatenate(parts, axis=-1) for parts in zip(*each, strict=True))
    found, best = (
        objective(features, y, *weights, 2, softmax=False)
        for weights in ((head.kernel, head.bias), (kernel, bias))
    )
    assert abs(found - best) < 1e-5


@once
def test_shares_are_the_examples_of_each_class_by_their_share():
    features, y = problem()
    rows = np.full((len(y), CLASSES), 0.1 / CLASSES) + 0.9 * np.eye(CLASSES)[y]
    head = solve_head(features, rows, weights=None, penalty=2)
    repeated, classes = np.repeat(features, CLASSES, axis=0), np.tile(range(CLASSES), len(y))
    expected = of_scikit_learn(repeated, classes, 2, sample_weight=rows.reshape(-1))
    found, best = (
        objective(features, rows, *weights, 2) for weights in ((head.kernel, head.bias), expected)
    )
    assert abs(found - best) < 1e-5


@once
def test_balanced_takes_the_prior_out_of_the_bias():
    features, y = problem(distance=0.3)
    plain, balanced = (solve_head(features, y, weights=w, penalty=50) for w in (None, "balanced"))
    np.testing.assert_array_equal(plain.kernel, balanced.kernel)
    prior = np.bincount(y) / len(y)
    np.testing.assert_allclose(plain.bias - balanced.bias, np.log(prior), rtol=1e-4)
    recalls = []
    for head in (plain, balanced):
        right = (features @ head.kernel + head.bias).argmax(axis=1) == y
        recalls.append([right[y == label].mean() for label in range(CLASSES)])
    assert np.mean(recalls[1]) > np.mean(recalls[0]) and recalls[1][0] > recalls[0][0]


@once
def test_balanced_labels_lose_their_odds():
    features, _ = problem()
    y = np.random.default_rng(1).random((len(features), 2)) < [0.5, 0.1]
    plain, balanced = (solve_head(features, y, weights=w, penalty=9) for w in (None, "balanced"))
    shares = y.mean(axis=0)
    np.testing.assert_allclose(plain.bias - balanced.bias, np.log(shares / (1 - shares)), rtol=1e-4)


@once
@pytest.mark.parametrize("kind", ["classes", "labels"])
def test_the_penalty_is_the_best_on_examples_not_seen(kind):
    """Where labels are chance, a head that had seen the examples it is scored on would be right."""
    features, y = problem(60, 90, distance=0)
    y = y if kind == "classes" else np.eye(CLASSES, dtype=int)[y] | np.eye(CLASSES, dtype=int)[0]
    head = solve_head(features, y)
    best = max(head.scores.values())
    error = np.sqrt(best * (1 - best) / len(y))
    assert len(head.scores) > 5 and head.scores[head.penalty] >= best - error / 2
    chance = 1 / CLASSES if kind == "classes" else 0.5
    assert all(abs(score - chance) < 0.25 for score in head.scores.values())
    again = solve_head(features, y, penalty=head.penalty)
    np.testing.assert_allclose(head.kernel, again.kernel, rtol=1e-6)


@once
def test_classes_that_are_told_apart_have_logits_that_say_so():
    """All penalties are right then, and the largest would leave the classes at equal shares."""
    features, y = problem(60, 20, distance=4)
    head = solve_head(features, y)
    assert max(head.scores, key=head.scores.get) == max(head.scores)  # the largest is as good
    logits = features @ head.kernel + head.bias
    shares = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
    assert shares[np.arange(len(y)), y].mean() > 0.98


@once
def test_scores_are_those_of_a_cross_validation_by_hand():
    """Of classes as even as can be, whatever is in which fold, within the spread of the folds."""
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline

    features, y = problem(600, 20, distance=0.4)
    head = solve_head(features, y)
    model = make_pipeline(
        StandardScaler(), LogisticRegression(C=1 / head.penalty, class_weight="balanced")
    )
    folds = StratifiedKFold(5, shuffle=True, random_state=1)
    expected = balanced_accuracy_score(y, cross_val_predict(model, features, y, cv=folds))
    assert abs(head.scores[head.penalty] - expected) < 0.03
    assert head.scores[head.penalty] - min(head.scores.values()) > 0.05


@once
def test_of_many_examples_some_choose_for_all(monkeypatch):
    features, y = problem(400, 20, distance=0.4)
    expected = solve_head(features, y)
    seen = []
    score = _penalties.score

    def spy(examples, logits):
        seen.append(np.bincount(examples.targets.argmax(axis=1)))
        return score(examples, logits)

    monkeypatch.setattr(_penalties, "score", spy)
    monkeypatch.setattr(_penalties, "MOST", 100 * 20 * CLASSES)
    head = solve_head(features, y)
    assert np.abs(seen[0] - np.bincount(y) / 4).max() <= 1 and seen[0].sum() == 100
    again = solve_head(features, y, penalty=head.penalty)
    np.testing.assert_allclose(head.kernel, again.kernel, rtol=1e-6)
    assert head.scores.keys() == expected.scores.keys()


@once
@pytest.mark.parametrize("width", [2, 20])
def test_features_that_say_nothing_leave_the_prior(width):
    y = np.repeat([0, 1], [9, 3])
    head = solve_head(np.ones((12, width)), y, weights=None)
    np.testing.assert_allclose(head.kernel, 0, atol=1e-6)
    assert head.bias[0] - head.bias[1] == pytest.approx(np.log(3), abs=1e-3)


@once
def test_constant_features_and_large_means_change_nothing():
    features, y = problem()
    expected = solve_head(features, y, penalty=3)
    constant = np.full((len(y), 2), [7, 0], "float32")
    head = solve_head(np.concatenate([features + 1000, constant], axis=1), y, penalty=3)
    assert not head.kernel[-2:].any()
    np.testing.assert_allclose(head.kernel[:-2], expected.kernel, rtol=0.02, atol=1e-3)


@once
@pytest.mark.parametrize("y", [[0, 0, 1, 3, 3, 3], np.eye(4)[[0, 0, 1, 3, 3, 3]], [2] * 6])
def test_classes_of_no_or_one_example(y):
    features = np.random.default_rng(0).normal(size=(6, 3))
    head = solve_head(features, y)
    classes = np.argmax(y, axis=1) if np.ndim(y) == 2 else np.array(y)
    logits = features @ head.kernel + head.bias
    assert np.isfinite(logits).all() and logits.shape[1] == max(classes) + 1
    assert set(logits.argmax(axis=1)) <= set(classes)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_takes_what_a_base_gives(dtype):
    features, y = problem(width=8)
    features = np.clip(features, -1000, 1000)
    given = keras.ops.cast(features, dtype)
    head = solve_head(given, keras.ops.convert_to_tensor(y), penalty=1)
    exact = keras.ops.convert_to_numpy(keras.ops.cast(given, "float32"))
    expected = solve_head(exact, y, penalty=1)
    np.testing.assert_allclose(head.kernel, expected.kernel, rtol=1e-3, atol=1e-4)


X, Y = np.ones((4, 3)), [0, 1, 0, 1]
REFUSED = {
    "a map": (
        lambda: solve_head(np.ones((4, 2, 2, 3)), Y),
        r"`features`.*\(N, D\).*\(4, 2, 2, 3\)",
    ),
    "NaN": (lambda: solve_head(X * np.nan, Y), "`features` should be finite"),
    "names": (lambda: solve_head([["a"], ["b"]], Y), "`features` should hold real numbers"),
    "a label too few": (lambda: solve_head(X, Y[1:]), "`y`"),
    "a negative class": (lambda: solve_head(X, [0, 1, 2, -1]), "outside the classes"),
    "neither shares nor labels": (lambda: solve_head(X, np.full((4, 2), 0.7)), "0 and 1"),
    "weights": (lambda: solve_head(X, Y, weights="even"), "'balanced', None, or a weight"),
    "a weight too few": (lambda: solve_head(X, Y, weights=[1, 2, 3]), r"Received: \(3,\)"),
    "a weight of 0": (lambda: solve_head(X, Y, weights=[0, 1, 1, 1]), "positive. Received: 0"),
    "penalty": (lambda: solve_head(X, Y, penalty=0), "`penalty` should be a number in"),
}


@once
@pytest.mark.parametrize("case", REFUSED)
def test_wrong_input_is_refused(case):
    call, said = REFUSED[case]
    with pytest.raises(ValueError, match=said):
        call()
