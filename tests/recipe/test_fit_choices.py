"""Each choice of a recipe reaches the training, and what comes after it."""

import keras
import numpy as np
import pytest
from backends import once
from recipe.recipe_models import convnet, perceptron, points, same, weights_by_layer

from kerasnorm.imbalance import (
    BalancedSoftmax,
    ImageFolder,
    ImageTable,
    LogitAdjusted,
    Seesaw,
    SparseFocalCrossentropy,
    TFRecords,
    adjust_logits,
    class_weights,
    sampler,
    tau_normalize,
)
from kerasnorm.recipe import Recipe, Run, fit
from kerasnorm.transfer import fine_tune

pytestmark = pytest.mark.usefixtures("without_tracing")

TRAIN, HELD_OUT = points(seed=0), points((6, 5, 4), seed=1)
SGD = {"optimizer": "sgd", "optimizer_settings": {"learning_rate": 0.1}}


def start():
    keras.utils.set_random_seed(7)
    return perceptron(3)


def fit_quietly(recipe, epochs=1, model=None, validation=HELD_OUT, **kwargs):
    """Trains for one step an epoch."""
    arguments = {"verbose": 0, "seed": 3, "keep": "last", "batch_size": 38, **kwargs}
    return fit(recipe, model or start(), TRAIN, validation, epochs, **arguments)


def layers(*units):
    """A model that trains faster than `start`, for what does not ask for normalization."""
    keras.utils.set_random_seed(7)
    return keras.Sequential([keras.Input((4,)), *map(keras.layers.Dense, units)])


def logits(model):
    return model.predict(HELD_OUT[0], verbose=0)


FINE_TUNED = {
    "focal": (
        Recipe(loss="focal", loss_settings={"gamma": 1}, **SGD),
        {"head_epochs": None, "epochs": 1, "loss": SparseFocalCrossentropy(gamma=1)},
    ),
    "rates": (
        Recipe(
            transfer_settings={
                "head_epochs": 1,
                "base_learning_rate": 0.01,
                "decay": 0.5,
                "batchnorm": "affine_only",
            },
            **SGD,
        ),
        {
            "head_epochs": 1,
            "epochs": 1,
            "base_learning_rate": 0.01,
            "decay": 0.5,
            "batchnorm": "affine_only",
        },
    ),
    "blocks": (
        Recipe(
            transfer_settings={
                "head_epochs": 0,
                "base_learning_rate": 0.1,
                "decay": 0.1,
                "blocks": ["stem", "norm|top"],
                "gradual": 1,
            },
            **SGD,
        ),
        {"epochs": 2, "decay": 0.1, "blocks": ["stem", "norm|top"], "gradual": 1},
    ),
    "until": (
        Recipe(transfer="freeze", transfer_settings={"until": "norm"}, **SGD),
        {"until": "norm", "head_epochs": None},
    ),
}


@once
@pytest.mark.parametrize("name", FINE_TUNED)
def test_is_what_fine_tune_does(name):
    recipe, arguments = FINE_TUNED[name]
    arguments = {
        "learning_rate": 0.1,
        "base_learning_rate": 0.01 if arguments.get("head_epochs", 0) is None else 0.1,
        "optimizer": "sgd",
        "monitor": None,
        "head_epochs": 0,
        "epochs": 1,
        **arguments,
    }
    expected = fine_tune(start(), TRAIN, HELD_OUT, batch_size=38, seed=3, verbose=0, **arguments)
    run = fit_quietly(recipe, (arguments["head_epochs"] or 0) + arguments["epochs"])
    assert same(run.model.get_weights(), expected.model.get_weights())
    np.testing.assert_allclose(run.history["val_accuracy"], expected.history["val_accuracy"])


def test_resampling_draws_what_the_sampler_draws():
    """In every epoch, in both phases, on features too."""
    drawn = []

    class Noted(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            drawn.append(round(logs["accuracy"] * 38))

    settings = {"strategy": "square_root"}
    recipe = Recipe(
        imbalance="resample",
        imbalance_settings=settings,
        transfer_settings={"head_epochs": 1, "batchnorm": "inference"},
        optimizer="sgd",
        optimizer_settings={"learning_rate": 1e-9},
    )
    run = fit_quietly(recipe, 3, validation=None, callbacks=[Noted()])
    keras.utils.set_random_seed(3)
    seed = int(np.random.randint(2**31))
    right = run.model.predict(TRAIN[0], verbose=0).argmax(1) == TRAIN[1]
    draw = sampler(TRAIN[1], "square_root", seed)
    assert drawn == [right[draw(epoch)].sum() for epoch in range(3)]


COUNTS = [24, 9, 5]
LOSSES = [
    ("balanced_softmax", {}, None, BalancedSoftmax(COUNTS)),
    ("logit_adjusted", {"tau": 0.5}, None, LogitAdjusted(COUNTS, 0.5)),
    ("seesaw", {"q": 1.0}, None, Seesaw(3, q=1.0, counts=COUNTS)),
    ("focal", {"gamma": 3.0}, "class_weights", SparseFocalCrossentropy(gamma=3.0)),
]


@once
@pytest.mark.parametrize(("name", "settings", "imbalance", "loss"), LOSSES)
def test_losses_train(name, settings, imbalance, loss):
    """The first of two steps, each of all examples, begins at the loss of the given model."""
    chosen = {"loss": name, "loss_settings": settings, "imbalance": imbalance}
    model = layers(3)
    run = fit_quietly(Recipe(**chosen, **SGD), 2, model, validation=None)
    weights = class_weights(COUNTS).as_numpy()[TRAIN[1]] if imbalance else None
    expected = float(loss(TRAIN[1], model(TRAIN[0]), weights))
    first, second = run.history["loss"]
    assert first == pytest.approx(expected, rel=1e-5)
    # Seesaw's factors follow the predictions, and the gradient leaves them out
    assert second < first or (name == "seesaw" and second != first)


@pytest.fixture(scope="module")
def plain(without_tracing):
    return fit_quietly(Recipe(transfer=None, **SGD))


@once
@pytest.mark.parametrize(
    ("correction", "settings", "expected"),
    [
        ("adjust_logits", {"tau": 0.5}, lambda model: adjust_logits(model, [24, 9, 5], 0.5)),
        ("tau_normalize", {}, lambda model: tau_normalize(model, 1)),
        ("retrain_classifier", {"epochs": 2}, None),
    ],
)
def test_corrections(correction, settings, expected, plain):
    chosen = {"transfer": None, "correction": correction, "correction_settings": settings}
    run = fit_quietly(Recipe(**chosen, **SGD))
    assert run.history == plain.history
    np.testing.assert_array_equal(run.uncorrected.confusion, plain.evaluation.confusion)
    predicted = logits(run.model).argmax(1)
    assert np.trace(run.evaluation.confusion) == (predicted == HELD_OUT[1]).sum()
    if expected is not None:
        np.testing.assert_allclose(logits(run.model), logits(expected(plain.model)), atol=1e-6)
    else:
        before, after = (weights_by_layer(each.model) for each in (plain, run))
        assert [name for name in before if not same(before[name], after[name])] == ["head"]
    assert run.model.compiled and run.model.loss is not None


@once
def test_a_solved_head_leaves_the_prior_to_a_correction():
    solved = fit_quietly(Recipe(transfer="freeze"))
    corrected = fit_quietly(Recipe(transfer="freeze", correction="adjust_logits"))
    np.testing.assert_allclose(
        keras.ops.softmax(logits(corrected.model)),
        keras.ops.softmax(logits(solved.model)),
        atol=1e-5,
    )
    assert not same(corrected.uncorrected.confusion, corrected.evaluation.confusion)


@pytest.mark.parametrize(("keep", "epoch"), [("best", 0), ("last", 1)])
def test_the_epoch_that_is_kept(keep, epoch):
    """Of two equally good ones, after steps too small to change a prediction."""
    weights = []

    class Noted(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            weights.append(self.model.get_weights())

    recipe = Recipe(optimizer="sgd", optimizer_settings={"learning_rate": 1e-4})
    run = fit_quietly(recipe, 2, layers(3), keep=keep, callbacks=[Noted()])
    first, second = run.history["val_balanced_accuracy"]
    assert first == second and not same(*weights)
    assert same(run.model.get_weights(), weights[epoch])


@once
def test_svm():
    pytest.importorskip("sklearn")
    run = fit_quietly(Recipe(transfer="svm", transfer_settings={"estimator": "logistic"}))
    assert run.history.keys() == {"accuracy", "val_accuracy"}
    assert run.evaluation.accuracy == pytest.approx(run.history["val_accuracy"][0])


@once
def test_a_schedule_ends_at_nothing():
    rates = []

    class Noted(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            rates.append(float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)))

    recipe = Recipe(
        schedule="cosine",
        schedule_settings={"warmup_epochs": 1},
        transfer_settings={"head_epochs": 1, "base_learning_rate": 0.05},
        **SGD,
    )
    fit_quietly(recipe, 4, layers(4, 3), None, batch_size=19, callbacks=[Noted()])
    falling = 0.025 * (1 + np.cos(np.pi * np.arange(4) / 4))
    np.testing.assert_allclose(rates, [0.1, 0.1, 0, 0.025, *falling], atol=1e-6)


@once
def test_the_test_examples_are_for_the_figures_alone(plain):
    run = fit_quietly(Recipe(transfer=None, **SGD), test=points((3, 3, 3), seed=5))
    assert run.history == plain.history
    assert same(run.model.get_weights(), plain.model.get_weights())
    assert run.evaluation.confusion.sum() == 9 and plain.evaluation.confusion.sum() == 15


class Break(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


@once
def test_goes_on_after_a_break(tmp_path):
    recipe = Recipe(imbalance="resample", transfer_settings={"head_epochs": 1}, **SGD)

    def train(**kwargs):
        return fit_quietly(recipe, 3, layers(4, 3), keep="best", **kwargs)

    undisturbed = train()
    backup = {"backup_dir": tmp_path / "backup", "output": tmp_path / "run"}
    with pytest.raises(KeyboardInterrupt):
        train(callbacks=[Break()], **backup)
    assert not (tmp_path / "run").exists()
    run = train(**backup)
    assert same(run.model.get_weights(), undisturbed.model.get_weights())
    assert run.history == undisturbed.history
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_run_is_loaded_as_it_was_saved(tmp_path):
    recipe = Recipe(correction="adjust_logits", **SGD)
    run = fit_quietly(recipe, 1, output=tmp_path / "run", classes=["a", "b", "c"])
    again = Run.load(tmp_path / "run")
    np.testing.assert_allclose(logits(again.model), logits(run.model), atol=1e-6)
    assert (again.recipe, again.history) == (run.recipe, run.history)
    for name in ("evaluation", "uncorrected"):
        one, other = getattr(again, name), getattr(run, name)
        assert one.to_dict() == other.to_dict() and one.class_names == ("a", "b", "c")
        assert one.calibration == other.calibration
    with pytest.raises(FileNotFoundError, match="no folder"):
        Run.load(tmp_path / "nothing")
    (tmp_path / "run" / "history.json").write_text("{")
    with pytest.raises(ValueError, match=r"history.json' is damaged"):
        Run.load(tmp_path / "run")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of images and a table of them, brighter by class."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    lines = ["path,label"]
    for name, count, light in (("cat", 6, 20), ("dog", 3, 180)):
        (folder / name).mkdir()
        for index in range(count):
            image = rng.integers(0, 40, (9, 7, 3)) + light
            keras.utils.save_img(folder / name / f"{index}.png", image, scale=False)
            lines.append(f"{name}/{index}.png,{name}")
    (folder / "table.csv").write_text("\n".join(lines))
    return folder


def rgb_model():
    keras.utils.set_random_seed(7)
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(4, 3, name="stem")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(2, name="head")(x))


def records(folder):
    """The same images in a TFRecord file: a byte for the class, then the pixels."""
    import tensorflow as tf

    files = ImageFolder(folder, 8)
    path = str(folder / f"{len(list(folder.iterdir()))}.tfrecord")
    with tf.io.TFRecordWriter(path) as writer:
        for (image, *_), (label, *_) in _batches(files):
            writer.write(bytes([label]) + image.tobytes())

    def parse(record):
        label = tf.io.decode_raw(tf.strings.substr(record, 0, 1), tf.uint8)[0]
        pixels = tf.io.decode_raw(tf.strings.substr(record, 1, 4 * 8 * 8 * 3), tf.float32)
        return tf.reshape(pixels, (8, 8, 3)), tf.cast(label, tf.int64)

    return TFRecords(path, parse)


FILES = {
    "folder": lambda folder: ImageFolder(folder, 8),
    "table": lambda folder: ImageTable(folder / "table.csv", 8),
    "records": records,
}


@pytest.fixture(scope="module")
def of_arrays(photos, without_tracing):
    """The same training on arrays, by what is done about the imbalance."""
    files = ImageFolder(photos, 8)
    x = np.concatenate([batch for batch, _ in _batches(files)])
    return {
        imbalance: _fit_images((x, files.labels), imbalance) for imbalance in (None, "resample")
    }


def _fit_images(data, imbalance):
    recipe = Recipe(imbalance=imbalance, transfer_settings={"head_epochs": 1}, **SGD)
    arguments = {"epochs": 2, "verbose": 0, "seed": 4, "batch_size": 5}
    return fit(recipe, rgb_model(), data, data, **arguments)


@once  # reads by tf.data
@pytest.mark.parametrize(
    ("kind", "imbalance"),
    [("folder", None), ("table", "resample"), ("records", "resample")],
)
def test_files_are_trained_on_as_arrays_are(kind, imbalance, photos, of_arrays):
    """In the head's epoch and in that of all layers, in the same orders."""
    ours, theirs = _fit_images(FILES[kind](photos), imbalance), of_arrays[imbalance]
    for a, b in zip(ours.model.get_weights(), theirs.model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    named = ("0", "1") if kind == "records" else ("cat", "dog")
    assert ours.evaluation.class_names == named
    np.testing.assert_array_equal(ours.evaluation.confusion, theirs.evaluation.confusion)


def _batches(files):
    import tensorflow as tf

    gather = files.gatherer()
    return [[part.numpy() for part in gather(tf.constant([row]))] for row in range(files.size)]


@once
def test_tensorboard_logs_both_phases(tmp_path):
    pytest.importorskip("tensorboard")
    recipe = Recipe(transfer_settings={"head_epochs": 1}, **SGD)
    fit_quietly(recipe, 2, layers(4, 3), None, tensorboard=tmp_path / "logs")
    assert list((tmp_path / "logs").rglob("events*"))


@once
def test_tensorboard_missing(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match="of the extra 'tuning': pip install"):
        fit_quietly(Recipe(), tensorboard=tmp_path)


def test_group_normalization_with_standardized_kernels():
    recipe = Recipe(
        "group", "scratch", normalization_settings={"groups": 2, "weight_standardization": True}
    )
    images = np.random.default_rng(0).integers(0, 255, (6, 8, 8, 1)).astype("uint8")
    run = fit(recipe, convnet(2), (images, [0, 1] * 3), epochs=1, verbose=0)
    config = str(run.model.get_config())
    assert "WeightStandardization" in config and "GroupNormalization" in config
