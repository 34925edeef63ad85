"""What holds for every metric of a classifier: forms of labels, masks, weights, shards, `fit`."""

import keras
import numpy as np
import pytest
from backends import once
from gradients import compiled
from imbalance.metrics import METRICS, K, balanced_accuracy, check, draw
from keras import ops

from kerasnorm.backend import set_keras_mask
from kerasnorm.imbalance import metrics as km

every_metric = pytest.mark.parametrize(("make", "expected"), METRICS.values(), ids=METRICS)


@once
def test_every_public_metric_is_in_the_table():
    names = {type(make()).__name__ for make, _ in METRICS.values()}
    others = {"AveragePrecision", "BoundaryFScore"}  # of labels, and of contours
    assert names | others == set(km.__all__)


@every_metric
def test_forms_of_labels_and_predictions(make, expected, rng):
    y, z = draw(rng)
    forms = {
        "column": (y[:, None].astype("uint8"), z),
        "one-hot": (np.eye(K, dtype="float32")[y], z),
        "probabilities": (y, ops.softmax(z)),
        "half": (y, ops.cast(ops.convert_to_tensor(z), "float16")),
    }
    metric = make()
    for labels, predictions in forms.values():
        metric.reset_state()
        metric.update_state(labels, predictions)
        check(metric, expected(y, ops.convert_to_numpy(predictions).argmax(-1)))


@every_metric
def test_batches_weights_and_shards_add_up(make, expected, rng):
    batches = [(*draw(rng), rng.random(60).astype("float32")) for _ in range(3)]
    shards = [make(), make()]
    for i, batch in enumerate(batches):
        shards[i % 2].update_state(*batch)
    y, z, weights = map(np.concatenate, zip(*batches, strict=True))
    total = make()
    for state, *parts in zip(total.variables, *(shard.variables for shard in shards), strict=True):
        assert state.aggregation == "sum"
        state.assign(sum(ops.convert_to_tensor(part) for part in parts))
    check(total, expected(y, z.argmax(-1), weights))
    total.reset_state()
    total.update_state(*batches[0])
    check(total, expected(batches[0][0], batches[0][1].argmax(-1), batches[0][2]))


@pytest.mark.parametrize(
    ("name", "column"), [*zip(METRICS, [False, True, False, True], strict=True)]
)
def test_maps_ignored_labels_masks_and_weights_of_images(name, column, rng):
    make, expected = METRICS[name]
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


@pytest.mark.parametrize(
    ("name", "wrong"),
    [*zip(METRICS, ["K", "negative", "empty row", "K"], strict=True)],
)
def test_a_label_outside_the_classes(name, wrong, rng):
    make, _ = METRICS[name]
    y, z = draw(rng)
    if wrong == "empty row":
        y = np.eye(K)[y] * (np.arange(len(y)) != 3)[:, None]
    else:
        y[3] = {"K": K, "negative": -1}[wrong]
    with pytest.raises(ValueError, match="outside the classes"):
        make().update_state(y, z)


@once
def test_a_label_outside_the_classes_in_compiled_code(rng):
    y, z = draw(rng)
    y[3] = K
    made = {name: make() for name, (make, _) in METRICS.items()}

    def update(*batch):
        for metric in made.values():
            metric.update_state(*batch)

    compiled(update)(ops.convert_to_tensor(y), z)
    for name, metric in made.items():
        results = keras.tree.flatten(metric.result())
        assert all(np.isnan(ops.convert_to_numpy(value)).all() for value in results), name


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
        jit_compile=keras.config.backend() == "jax",
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


@once
def test_configs_say_everything():
    made = [make(ignore_class=3) for make, _ in METRICS.values()]
    made.append(km.BoundaryFScore(3.5, 9, from_logits=True, ignore_class=7))
    made.append(km.BalancedAccuracy(2, threshold=0.25))
    made.append(km.AveragePrecision(3, from_logits=False, bins=99))
    for metric in made:
        saved = keras.saving.serialize_keras_object(metric)
        again = keras.saving.deserialize_keras_object(saved)
        assert again.get_config() == metric.get_config()
