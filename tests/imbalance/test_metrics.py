"""The metrics against scikit-learn and, for contours, SciPy's largest matching."""

import keras
import numpy as np
import pytest
from gradients import compiled
from keras import ops
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching
from sklearn import metrics as sk

from kerasnorm.backend import set_keras_mask
from kerasnorm.imbalance import metrics as km
from kerasnorm.imbalance.losses import ClassBalancedBinaryCrossentropy

K = 5
COUNTS = [500, 101, 100, 20, 19]


def balanced_accuracy(y, predicted, weights=None):
    return {"": sk.balanced_accuracy_score(y, predicted, sample_weight=weights)}


def recalls(y, predicted, weights=None):
    found = sk.recall_score(
        y, predicted, labels=range(K), average=None, zero_division=np.nan, sample_weight=weights
    )
    return {"": found}


def macro_f1(y, predicted, weights=None):
    return {"": sk.f1_score(y, predicted, average="macro", sample_weight=weights)}


def groups(y, predicted, weights=None):
    found = recalls(y, predicted, weights)[""]
    members = {"many": [0, 1], "medium": [2, 3], "few": [4]}
    present = {name: [c for c in group if c in y] for name, group in members.items()}
    return {name: np.mean(found[group]) if group else np.nan for name, group in present.items()}


METRICS = {
    "balanced accuracy": (lambda **settings: km.BalancedAccuracy(K, **settings), balanced_accuracy),
    "recalls": (lambda **settings: km.PerClassRecall(K, **settings), recalls),
    "macro F1": (lambda **settings: km.MacroF1(K, **settings), macro_f1),
    "groups": (lambda **settings: km.GroupAccuracy(COUNTS, **settings), groups),
}
every_metric = pytest.mark.parametrize(("make", "expected"), METRICS.values(), ids=METRICS)


def check(metric, expected):
    found = metric.result()
    found = found if isinstance(found, dict) else {"": found}
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(
            ops.convert_to_numpy(found[name]), value, rtol=1e-5, err_msg=name
        )


def draw(rng, shape=(60,), absent=()):
    y = rng.choice([c for c in range(K) if c not in absent], shape)
    z = rng.normal(size=(*shape, K)).astype("float32")
    z += 1.5 * (y[..., None] == np.arange(K))
    return y, z


# which classes have no label, and which are not predicted either
ABSENT = {
    "none": ((), ()),
    "predicted": ((4,), ()),
    "all of few": ((4,), (4,)),
    "one": ((0, 1, 2, 4), ()),
}


@every_metric
@pytest.mark.parametrize(("labels", "predictions"), ABSENT.values(), ids=ABSENT)
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@pytest.mark.parametrize("form", ["numbers", "column", "one-hot", "probabilities", "half"])
def test_agrees_with_scikit_learn(make, expected, labels, predictions, form, rng):
    y, z = draw(rng, absent=labels)
    z[:, list(predictions)] = -50
    given = {
        "column": (y[:, None].astype("uint8"), z),
        "one-hot": (np.eye(K, dtype="float32")[y], z),
        "probabilities": (y, ops.softmax(z)),
        "half": (y, ops.cast(ops.convert_to_tensor(z), "float16")),
    }.get(form, (y, z))
    metric = make()
    metric.update_state(*given)
    predicted = ops.convert_to_numpy(given[1]).argmax(-1)
    check(metric, expected(y, predicted))


@every_metric
def test_batches_weights_and_shards_add_up(make, expected, rng):
    y, z = draw(rng)
    weights = rng.random(len(y)).astype("float32")
    shards = [make(), make()]
    for i, rows in enumerate([slice(0, 7), slice(7, 30), slice(30, 60)]):
        shards[i % 2].update_state(y[rows], z[rows], sample_weight=weights[rows])
    total = make()
    for state, *parts in zip(total.variables, *(shard.variables for shard in shards), strict=True):
        assert state.aggregation == "sum"
        state.assign(sum(ops.convert_to_tensor(part) for part in parts))
    check(total, expected(y, z.argmax(-1), weights))
    total.reset_state()
    total.update_state(y, z)
    check(total, expected(y, z.argmax(-1)))


@every_metric
@pytest.mark.parametrize("column", [False, True])
def test_maps_ignored_labels_masks_and_weights_of_images(make, expected, column, rng):
    y, z = draw(rng, (4, 3, 5))
    used = rng.random(y.shape) < 0.7
    shown = np.ones(y.shape[:2], bool)
    shown[1, 1:] = False
    predictions = ops.convert_to_tensor(z)
    set_keras_mask(predictions, ops.convert_to_tensor(shown))
    labels = np.where(used, y, 255)
    metric = make(ignore_class=255)
    weights = np.array([1.0, 2.0, 0.0, 3.0])
    metric.update_state(labels[..., None] if column else labels, predictions, weights)
    kept = used & shown[..., None] & (weights > 0)[:, None, None]
    wide = np.broadcast_to(weights[:, None, None], y.shape)[kept]
    check(metric, expected(y[kept], z.argmax(-1)[kept], wide))


@every_metric
@pytest.mark.parametrize("wrong", ["K", "negative", "empty row"])
def test_a_label_outside_the_classes(make, expected, wrong, rng):
    y, z = draw(rng)
    if wrong == "empty row":
        y = np.eye(K)[y] * (np.arange(len(y)) != 3)[:, None]
    else:
        y[3] = {"K": K, "negative": -1}[wrong]
    with pytest.raises(ValueError, match="outside the classes"):
        make().update_state(y, z)
    if keras.config.backend() == "tensorflow":
        metric = make()
        compiled(metric.update_state)(ops.convert_to_tensor(y), z)
        results = keras.tree.flatten(metric.result())
        assert all(np.isnan(ops.convert_to_numpy(value)).all() for value in results)


@pytest.mark.parametrize(
    ("y", "z"),
    [
        (np.zeros(3), np.zeros((3, K - 1))),
        (np.zeros(3), np.zeros((3, 1))),
        (np.zeros(2), np.zeros((3, K))),
        (np.zeros((3, 2)), np.zeros((3, K))),
    ],
    ids=lambda array: str(array.shape),
)
def test_other_shapes(y, z):
    with pytest.raises(ValueError, match="shape"):
        km.BalancedAccuracy(K).update_state(y, z)


def test_in_fit_weighted_on_request(rng):
    y, _ = draw(rng)
    x = rng.normal(size=(len(y), 3)).astype("float32")
    weights = rng.integers(0, 3, len(y)).astype("float32")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(K)])
    model.compile(
        keras.optimizers.SGD(0.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[make(name=name) for name, (make, _) in METRICS.items()],
        weighted_metrics=[km.BalancedAccuracy(K, name="weighted")],
        jit_compile=False,
    )
    data = (x, y, weights)
    history = model.fit(x, y, sample_weight=weights, validation_data=data, verbose=0).history
    predicted = ops.convert_to_numpy(model(x)).argmax(-1)
    for prefix in ("", "val_"):
        for name, (_, expected) in METRICS.items():
            for key, value in expected(y, predicted).items():
                found = history[prefix + (key or name)][0]
                np.testing.assert_allclose(found, value, rtol=1e-5)
        value = balanced_accuracy(y, predicted, weights)[""]
        np.testing.assert_allclose(history[f"{prefix}weighted"][0], value, rtol=1e-5)


def test_configs_say_everything():
    made = [make(ignore_class=3) for make, _ in METRICS.values()]
    made.append(km.BoundaryFScore(3.5, 9, from_logits=True, ignore_class=7))
    for metric in made:
        saved = keras.saving.serialize_keras_object(metric)
        again = keras.saving.deserialize_keras_object(saved)
        assert again.get_config() == metric.get_config()


# contours


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


@pytest.mark.parametrize("tolerance", [0, 1.5, 2])
def test_boundary_f_score_is_that_of_the_largest_matching(tolerance, rng):
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
    metric = km.BoundaryFScore(tolerance, thresholds=9)
    for rows in (slice(0, 2), slice(2, 6)):
        metric.update_state(maps[rows, ..., None], predictions[rows])
    found = {name: float(value) for name, value in metric.result().items()}
    np.testing.assert_allclose([found["ods"], found["ois"]], [ods, ois], rtol=1e-6)
    logits = np.log(predictions.clip(1e-6, 1 - 1e-6)) - np.log1p(-predictions.clip(1e-6, 1 - 1e-6))
    again = km.BoundaryFScore(tolerance, thresholds=9, from_logits=True)
    again.update_state(maps, logits + 1e-4)
    np.testing.assert_allclose(float(again.result()["ods"]), found["ods"], rtol=1e-3)


def test_boundaries_that_are_thick_have_false_pixels():
    """Pairs are one to one: within the tolerance, but there is no other pixel to pair with."""
    edges = np.zeros((1, 9, 9))
    edges[:, 4] = 1
    thick = np.zeros_like(edges)
    thick[:, 3:6] = 1
    metric = km.BoundaryFScore(tolerance=2)
    metric.update_state(edges, thick)
    np.testing.assert_allclose(float(metric.result()["ods"]), 2 * 9 / (9 + 27), rtol=1e-6)


def test_boundaries_that_are_not_there():
    nothing, edges = np.zeros((1, 4, 4)), np.eye(4)[None]
    metric = km.BoundaryFScore()
    metric.update_state(nothing, 0.4 * edges)  # nothing is marked from the threshold 0.41 up
    metric.update_state(edges, edges)
    assert [float(value) for value in metric.result().values()] == [1.0, 1.0]
    metric.reset_state()
    metric.update_state(nothing, nothing)
    assert [float(value) for value in metric.result().values()] == [0.0, 0.0]


def test_boundaries_ignored_and_weighted(rng):
    maps, predictions = contours(rng, n=3)
    unsure = rng.random(maps.shape) < 0.2
    metric, plain = km.BoundaryFScore(ignore_class=255), km.BoundaryFScore()
    metric.update_state(np.where(unsure, 255, maps), predictions, np.array([1, 0, 2]))
    kept = [0, 2, 2]
    plain.update_state((maps * ~unsure)[kept], (predictions * ~unsure)[kept])
    for name, value in plain.result().items():
        np.testing.assert_allclose(float(metric.result()[name]), float(value), rtol=1e-6)


@pytest.mark.parametrize(
    ("y", "p", "match"),
    [
        (np.zeros((1, 4, 4)), np.full((1, 4, 4), 1.5), "from_logits=True"),
        (np.full((1, 4, 4), 255), np.zeros((1, 4, 4)), "0 or 1"),
        (np.zeros((1, 4, 4)), np.zeros((1, 4, 5)), "shape"),
        (np.zeros((4, 4)), np.zeros((4, 4)), "maps"),
    ],
)
def test_boundaries_refused(y, p, match):
    with pytest.raises(ValueError, match=match):
        km.BoundaryFScore().update_state(y, p)


def test_boundaries_in_fit(rng):
    maps = rng.random((4, 8, 8)) < 0.2
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(1, 1)])
    metric = km.BoundaryFScore(1, thresholds=5, from_logits=True)
    settings = {"loss": ClassBalancedBinaryCrossentropy(), "weighted_metrics": [metric]}
    model.compile(keras.optimizers.SGD(0.0), **settings, jit_compile=False)
    x, weights = maps[..., None], np.array([1.0, 2.0, 0.0, 1.0])
    history = model.fit(x, maps, batch_size=3, sample_weight=weights, verbose=0).history
    again = km.BoundaryFScore(1, thresholds=5, from_logits=True)
    again.update_state(maps, model(x), weights)
    for name, value in again.result().items():
        np.testing.assert_allclose(history[name][0], float(value), rtol=1e-6)
    if keras.config.backend() == "tensorflow":
        model.compile(keras.optimizers.SGD(0.0), **settings, jit_compile=True)
        with pytest.raises(ValueError, match="jit_compile=False"):
            model.fit(x, maps, verbose=0)
