"""Accuracies are scikit-learn's on the features of each layer; nothing is left behind."""

import keras
import numpy as np
import pytest
from backends import once
from keras import layers, ops
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from transfer.probing_models import MODELS, SHAPE, images, nested, sequential

from kerasnorm.transfer import probe_layers, solve_head
from kerasnorm.transfer.probing._depths import depths
from kerasnorm.transfer.probing._estimators import make_estimator
from kerasnorm.transfer.probing._pooled import pooled_features

pytestmark = pytest.mark.usefixtures("without_tracing")

LAYERS = {
    "sequential": ["conv1", "bn", "conv2", "flat", "drop", "head"],
    "nested": [
        "base/lift",
        "base/inner/deep_conv",
        "base/inner/pool",
        "base/inner/side",
        "base/inner/add",
        "base/base_conv",
        "gap",
        "head",
    ],
    "sequence": ["rows", "rnn", "bi", "head"],
    "shared": ["twice", "flat"],
    "subclassed": ["conv", "base/inner_conv", "head"],
}


@once
@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        ("svm", LinearSVC(dual="auto", max_iter=10_000, random_state=3)),
        (KNeighborsClassifier(3), KNeighborsClassifier(3)),
    ],
    ids=["svm", "neighbours"],
)
def test_accuracy_is_that_of_scikit_learn_on_features_of_a_model_made_by_hand(estimator, expected):
    model = sequential()
    model.get_layer("bn").moving_variance.assign([4.0, 0.5, 1.0, 2.0])
    x, y = images(90)
    table = probe_layers(model, x, y, estimator, folds=4, seed=3)
    split = StratifiedKFold(4, shuffle=True, random_state=3)
    for row in table.rows:
        part = keras.Model(model.inputs[0], model.get_layer(row["layer"]).output)
        maps = ops.convert_to_numpy(part(x, training=False))
        features = maps.mean(axis=(1, 2)) if maps.ndim == 4 else maps
        scores = cross_val_score(make_pipeline(StandardScaler(), expected), features, y, cv=split)
        assert row["features"] == features.shape[1]
        np.testing.assert_allclose(row["accuracy"], scores.mean(), atol=1 / 90)
        np.testing.assert_allclose(row["deviation"], scores.std(), atol=1 / 45)


def test_features_of_nested_layers_are_the_means_of_their_maps():
    model, (x, _) = nested(), images(40)
    found = pooled_features(model, depths(model, None), x)
    base, inner = model.get_layer("base"), model.get_layer("base").get_layer("inner")
    lifted = base.get_layer("lift")(x)
    for name in ("deep_conv", "pool", "side", "add"):
        part = keras.Model(inner.inputs, inner.get_layer(name).output)
        expected = ops.convert_to_numpy(part(lifted)).mean(axis=(1, 2))
        np.testing.assert_allclose(found[f"base/inner/{name}"], expected, atol=1e-6)
    np.testing.assert_allclose(found["head"], ops.convert_to_numpy(model(x)), atol=1e-6)


@pytest.mark.parametrize("axis", [1, -1])
def test_channels_are_where_the_layer_has_them(axis):
    data_format = "channels_first" if axis == 1 else "channels_last"
    layer = layers.GaussianNoise(0.0, name="same")
    layer.data_format = data_format
    model = keras.Sequential([keras.Input((3, 5, 7)), layer])
    x = np.random.default_rng(0).normal(size=(4, 3, 5, 7)).astype("float32")
    found = pooled_features(model, depths(model, None), x)["same"]
    np.testing.assert_allclose(found, x.mean(axis=(2, 3) if axis == 1 else (1, 2)), atol=1e-6)


@pytest.mark.parametrize("kind", MODELS)
def test_every_layer_at_any_depth_has_a_row_and_the_model_stays_as_it_is(kind):
    model = MODELS[kind]()
    x, y = images(12)
    before = [weight.copy() for weight in model.get_weights()]
    attributes = {leaf.path: set(vars(leaf.layer)) for leaf in depths(model, None)}
    nodes = {leaf.path: len(leaf.layer._inbound_nodes) for leaf in depths(model, None)}
    output = ops.convert_to_numpy(model(x))
    table = probe_layers(model, x, y, folds=2)
    assert [row["layer"] for row in table.rows] == LAYERS[kind]
    widths = {row["layer"]: row["features"] for row in table.rows}
    assert table.estimator.n_features_in_ == widths[table.best]
    if kind != "subclassed":
        table.classifier().predict(x)
    assert {leaf.path: set(vars(leaf.layer)) for leaf in depths(model, None)} == attributes
    assert {leaf.path: len(leaf.layer._inbound_nodes) for leaf in depths(model, None)} == nodes
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(ops.convert_to_numpy(model(x)), output)


@once
def test_the_model_stays_as_it_is_after_an_error():
    model, (x, y) = sequential(), images(12)
    attributes = set(vars(model.get_layer("conv1")))
    with pytest.raises(ValueError):
        probe_layers(model, x[..., :1], y, folds=2)
    assert set(vars(model.get_layer("conv1"))) == attributes


@once
def test_the_same_seed_gives_the_same_table():
    model, (x, y) = sequential(), images(60)
    first, second = (probe_layers(model, x, y, layers=["conv1", "flat"]) for _ in range(2))
    assert first.rows == second.rows and first.best == second.best
    np.testing.assert_array_equal(first.estimator[-1].coef_, second.estimator[-1].coef_)


@once
def test_labels_may_be_strings():
    model, (x, y) = sequential(), images(60)
    names = np.array(["owl", "cat", "ox"])[y]
    table = probe_layers(model, x, names.astype(object), layers=["conv1"])
    assert table.rows == probe_layers(model, x, names.tolist(), layers=["conv1"]).rows
    assert set(table.estimator.predict(np.zeros((1, 4)))) <= {"owl", "cat", "ox"}


@once
def test_the_first_of_equally_good_layers_is_the_best():
    x, y = images(40)
    x[..., 0] += 100 * y[:, None, None]
    table = probe_layers(sequential(), x, y, layers=["bn", "conv1"])
    assert [row["accuracy"] for row in table.rows] == [1, 1]
    assert table.best == "conv1"


@once
def test_scaling_is_fitted_inside_the_folds():
    """An estimator sees each fold's training features at mean 0, and so not those of all."""
    means = []

    class Watching(KNeighborsClassifier):
        def fit(self, features, labels):
            means.append(np.abs(features.mean(axis=0)).max())
            return super().fit(features, labels)

    x, y = images(30)
    probe_layers(sequential(), x, y, Watching(1), layers=["conv1"], folds=3)
    assert len(means) == 4 and max(means) < 1e-6


def test_several_inputs():
    inputs = {name: keras.Input((3,), name=name) for name in "ab"}
    hidden = layers.Concatenate(name="both")([layers.Dense(2)(inputs["a"]), inputs["b"]])
    model = keras.Model(inputs, hidden)
    y = np.arange(40) % 2
    x = {name: np.random.default_rng(0).normal(size=(40, 3)) + 9 * y[:, None] for name in "ab"}
    table = probe_layers(model, x, y, layers=["both"])
    assert table.rows[0]["features"] == 5 and table.rows[0]["accuracy"] == 1
    assert (table.classifier().predict(x) == y).all()


@once
@pytest.mark.parametrize(
    ("layers", "found"),
    [
        (["inner"], ["base/inner"]),
        (["base/inner/side", "lift"], ["base/lift", "base/inner/side"]),
        (["base"], ["base"]),
        ("gap", ["gap"]),
        (["gap", "gap"], ["gap"]),
    ],
    ids=str,
)
def test_chosen_layers_come_in_the_order_of_the_computation(layers, found):
    x, y = images(12)
    table = probe_layers(nested(), x, y, layers=layers, folds=2)
    assert [row["layer"] for row in table.rows] == found


X, Y = images(12)


@once
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layers": ["conv9"]}, "does not have. It has 'conv1', 'bn'"),
        ({"layers": []}, "at least one layer"),
        ({"y": Y[:11]}, "each of the 12 examples. Received: 11"),
        ({"y": np.zeros(12)}, "at least two classes"),
        ({"y": np.eye(12)}, "argmax"),
        ({"y": ["rare", *["often"] * 11]}, "1 of class 'rare'. Give more examples, or fewer"),
        ({"folds": 5}, "4 of class 0"),
        ({"folds": 1}, "from 2 up"),
        ({"seed": -1}, "from 0 up"),
        ({"estimator": "forest"}, "one of 'svm', 'logistic', or a scikit-learn"),
        ({"estimator": LogisticRegression}, "one of 'svm', 'logistic', or a scikit-learn"),
        ({"estimator": None}, "one of 'svm', 'logistic', or a scikit-learn"),
        ({"estimator": LinearRegression()}, "should be a classifier"),
        ({"x": X.tolist()}, "`x` should be an array"),
        ({"x": np.full_like(X, np.nan)}, "'conv1' are not finite"),
        ({"model": "conv"}, "should be a keras.Model"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_wrong_arguments_are_refused(arguments, message):
    arguments = {"model": sequential(), "x": X, "y": Y, "folds": 2, **arguments}
    with pytest.raises(ValueError) as caught:
        probe_layers(**arguments)
    assert message in str(caught.value)


@once
def test_a_name_that_two_layers_have():
    inputs = keras.Input(SHAPE)
    parts = [keras.Model(inputs, layers.Conv2D(2, 3, name="conv")(inputs), name=n) for n in "ab"]
    model = keras.Sequential([keras.Input(SHAPE), parts[0]])
    both = keras.Model(inputs, layers.Concatenate()([part(inputs) for part in parts]))
    assert probe_layers(model, X, Y, layers=["conv"], folds=2).best == "a/conv"
    with pytest.raises(ValueError, match=r"could mean 'a/conv', 'b/conv'\. Give a path"):
        probe_layers(both, X, Y, layers=["conv"], folds=2)


@once
def test_a_layer_that_is_never_called():
    with pytest.raises(ValueError, match="never calls its layer 'never'"):
        probe_layers(MODELS["subclassed"](), X, Y, layers=["conv", "never"], folds=2)


@once
def test_the_table_prints():
    x, y = images(40)
    x[..., 0] += 100 * y[:, None, None]
    table = probe_layers(sequential(), x, y, layers=["conv1", "flat"])
    lines = str(table).splitlines()
    assert lines[0].split() == ["layer", "features", "accuracy", "deviation"]
    assert lines[1].split() == ["conv1", "4", "1.000", "0.000", "best"]
    assert lines[2].split()[:3] == ["flat", "96", f"{table.rows[1]['accuracy']:.3f}"]


@once
@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_is_a_solved_head(classes):
    rng = np.random.default_rng(0)
    names = np.array(["ant", "bee", "cow"])[:classes]
    y = np.repeat(names, [40, 12, 8][:classes])
    features = rng.normal(size=(len(y), classes)) + 2 * (y[:, None] == names)
    fitted = make_estimator("logistic", 0).fit(features, y)
    head = solve_head(features, np.unique(y, return_inverse=True)[1])
    logits = features @ head.kernel + head.bias
    assert (fitted.predict(features) == names[logits.argmax(axis=1)]).all()
    expected = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
    np.testing.assert_allclose(fitted.predict_proba(features), expected, atol=1e-4)
