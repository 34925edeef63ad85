"""Two phases, features kept, strategies, and what is refused."""

import warnings

import keras
import numpy as np
import pytest
from backends import once
from keras import layers, ops

from kerasnorm.surgery import freeze_statistics
from kerasnorm.transfer import fine_tune, probe_layers, rule_of_thumb

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 8, 8, 3)).astype("float32")
Y = np.arange(30) % 3
X[Y == 1] += 1.0
X[Y == 2, :4] += 2.0
QUICK = {"jit_compile": False, "verbose": 0, "seed": 1}
pytestmark = pytest.mark.usefixtures("without_tracing")


def source(top_dropout=0.0, first=None):
    """A nested base with all that training would change, below pooling and a head."""
    keras.utils.set_random_seed(0)
    base = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, name="conv1"),
            layers.BatchNormalization(momentum=0.5, name="bn"),
            layers.Dropout(0.5),
            layers.Conv2D(5, 3, activation="relu", name="conv2"),
        ],
        name="base",
    )
    images = keras.Input((8, 8, 3), name="images")
    x = base(images if first is None else first(images))
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(top_dropout)(x)
    return keras.Model(images, layers.Dense(7, activation="softmax", name="head")(x))


def small():
    """A model for what does not depend on its layers."""
    keras.utils.set_random_seed(0)
    stack = [layers.Flatten(), layers.Dense(4, "relu", name="low"), layers.Dense(3, name="head")]
    return keras.Sequential([keras.Input((8, 8, 3)), *stack])


def values(model):
    return [ops.convert_to_numpy(weight) for weight in model.weights]


def assert_same(ours, theirs, atol=0.0):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=atol)


@pytest.mark.parametrize("strategy", ["freeze", "fine_tune", "scratch", "svm"])
def test_a_new_model_of_raw_input(strategy, tmp_path):
    model = source()
    model.get_layer("base").trainable = False
    before, flags = values(model), [layer.trainable for layer in model.get_layer("base").layers]
    result = fine_tune(model, (X, Y), (X, Y), strategy, classes=3, head_epochs=1, epochs=1, **QUICK)
    assert_same(values(model), before)
    assert [layer.trainable for layer in model.get_layer("base").layers] == flags
    assert result.strategy == strategy and result.model is not model
    assert result.model.output_shape == (None, 3)
    epochs = 1 if strategy == "svm" else 2
    assert {len(values) for values in result.history.values()} == {epochs}
    scores = result.model.predict(X, verbose=0)
    accuracy = result.model.evaluate(X, Y, verbose=0, return_dict=True)["accuracy"]
    assert accuracy == pytest.approx(np.mean(scores.argmax(1) == Y))
    assert accuracy == pytest.approx(result.history["val_accuracy"][-1])
    result.model.save(tmp_path / "model.keras")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*[Oo]ptimizer")
        again = keras.saving.load_model(tmp_path / "model.keras")
    assert_same(values(again), values(result.model))


def test_what_each_strategy_moves():
    model = source()
    start = values(model.get_layer("base"))

    def moved(strategy, **kwargs):
        kwargs = {
            "classes": 3,
            "head_epochs": 0,
            "epochs": 1,
            "optimizer": "sgd",
            **QUICK,
            **kwargs,
        }
        new = fine_tune(model, (X, Y), strategy=strategy, **kwargs).model.get_layer("base")
        pairs = zip(new.weights, start, strict=True)
        return {
            "/".join(weight.path.split("/")[-2:])
            for weight, before in pairs
            if not np.array_equal(ops.convert_to_numpy(weight), before)
        }

    kernels = {"conv1/kernel", "conv1/bias", "conv2/kernel", "conv2/bias"}
    affine, statistics = {"bn/gamma", "bn/beta"}, {"bn/moving_mean", "bn/moving_variance"}
    assert moved("fine_tune", head_epochs=1) == kernels
    assert moved("fine_tune", batchnorm="affine_only") == kernels | affine
    assert moved("fine_tune", batchnorm="train") == kernels | affine | statistics
    assert moved("fine_tune", until="conv1") == {"conv2/kernel", "conv2/bias"}
    assert moved("fine_tune", until=1.0) == set()
    assert moved("scratch") == kernels | affine | statistics


def test_kept_features_change_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    models = [
        fine_tune(
            source(top_dropout=0.4),
            (X, Y),
            classes=3,
            head_epochs=2,
            epochs=1,
            optimizer="sgd",
            **QUICK,
            **kwargs,
        ).model
        for kwargs in ({"cache": False}, {"cache": True}, {"cache_limit": 100})
    ]
    for model in models[1:]:
        assert_same(values(model), values(models[0]), atol=1e-5)
    assert not list(tmp_path.iterdir())


def test_statistics_that_were_frozen_stay_so_without_kept_features():
    model = source()
    assert freeze_statistics(model) == ["base/bn"]
    tuned = fine_tune(model, (X, Y), None, "freeze", 3, 1, 0, cache=False, **QUICK).model
    assert freeze_statistics(tuned) == []


class Counted(keras.utils.PyDataset):
    """Batches that count how often they are read."""

    reads = 0

    def __len__(self):
        return 3

    def __getitem__(self, index):
        self.reads += 1
        return X[index * 10 : index * 10 + 10], Y[index * 10 : index * 10 + 10]


@once
@pytest.mark.parametrize("limit", [2**30, 0])
def test_the_base_sees_each_example_once(limit):
    data = Counted()
    fine_tune(small(), data, None, "freeze", 3, 2, 1, cache_limit=limit, **QUICK)
    # in three epochs; of what kind the labels are, whether they are names, whether they fit, and
    # whether two passes differ
    assert data.reads == 3 + 1 + 1 + 1 + 2


FLIP = "augmentation.*'flip'"


@once
@pytest.mark.parametrize("inside", [False, True], ids=["given", "inside"])
def test_augmentation_makes_new_features_each_time(inside):
    flip = layers.RandomFlip("horizontal", name="flip")
    model = source(first=flip if inside else None)
    data = Counted()
    given = {} if inside else {"augmentation": flip}
    with pytest.warns(UserWarning, match=FLIP):
        result = fine_tune(model, data, None, "freeze", 3, 2, 1, **given, **QUICK)
    assert data.reads > 3 * 3
    names = [layer.name for layer in result.model.layers]
    assert ("flip" in names) is inside
    assert_same(values(result.model.get_layer("base")), values(model.get_layer("base")))


def test_augmented_examples_are_what_is_learnt():
    """An augmentation that swaps the classes' images for others' leaves nothing to learn."""

    @keras.saving.register_keras_serializable(package="tests")
    class Blank(layers.Layer):
        def call(self, inputs, training=None):
            return ops.zeros_like(inputs) if training else inputs

    arguments = dict(train=(X, Y), strategy="freeze", classes=3, head_epochs=2, epochs=0, **QUICK)
    with pytest.warns(UserWarning, match="augmentation"):
        blind = fine_tune(source(), augmentation=Blank(), **arguments)
    (kernel, _), (start, _) = (
        model.get_layer("head").get_weights()
        for model in (blind.model, fine_tune(source(), **{**arguments, "head_epochs": 0}).model)
    )
    seeing = fine_tune(source(), **arguments).model.get_layer("head").get_weights()[0]
    assert np.abs(kernel - start).max() < np.abs(seeing - start).max()


def test_the_second_phase_is_plain_fit_at_the_smaller_rates():
    """One batch by SGD: each kernel's step is that of Keras times its multiplier."""
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(5, "tanh", name="low"), layers.Dense(3, name="head")]
    )
    x, y = RNG.normal(size=(20, 4)).astype("float32"), RNG.integers(0, 3, 20)
    arguments = {"head_epochs": 0, "epochs": 1, "batch_size": 20, "optimizer": "sgd", **QUICK}
    ours = fine_tune(model, (x, y), learning_rate=2.0, decay=0.5, **arguments).model
    before = values(model)
    model.compile(
        keras.optimizers.SGD(0.2), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    model.fit(x, y, batch_size=20, verbose=0)
    for start, plain, new, factor in zip(
        before, values(model), values(ours), [0.5, 0.5, 1, 1], strict=True
    ):
        np.testing.assert_allclose(new - start, factor * (plain - start), rtol=1e-4, atol=1e-6)


@once
def test_takes_what_the_rule_of_thumb_says(monkeypatch):
    seen = []

    class Rate(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            seen.append(float(ops.convert_to_numpy(self.model.optimizer.learning_rate)))

    def fit(strategy, **kwargs):
        seen.clear()
        kwargs = {"callbacks": [Rate()], **QUICK, **kwargs}
        result = fine_tune(small(), (X, Y), None, strategy, 3, 1, 1, **kwargs)
        assert result.strategy == strategy.name
        return pytest.approx(seen, rel=1e-6)

    assert fit(rule_of_thumb(1000, 0.9), learning_rate=0.5) == [0.5, 1e-4]
    assert fit(rule_of_thumb(1000, 0.9), base_learning_rate=0.5) == [1e-3, 0.5]
    assert fit(rule_of_thumb(3, 0.9)) == [1e-3, 1e-3]
    assert fit(rule_of_thumb(1000, 0.1)) == [1e-3, 1e-3]
    assert fine_tune(small(), (X, Y), None, rule_of_thumb(3, 0.1), 3, **QUICK).strategy == "svm"


@once
def test_svm_is_the_probe_at_its_best_layer():
    model = source()
    result = fine_tune(model, (X, Y), strategy="svm", classes=3, **QUICK)
    accuracy = max(row["accuracy"] for row in probe_layers(model, X, Y, seed=3).rows)
    assert result.history["accuracy"][0] >= accuracy - 0.1
    pair = Y < 2
    two = fine_tune(model, (X[pair], Y[pair]), strategy="svm", classes=2, **QUICK)
    table = probe_layers(two.model, X[pair], Y[pair], layers=[two.model.layers[-2].name])
    assert two.model.predict(X[pair], verbose=0).shape == (pair.sum(), 2)
    agree = np.mean(
        two.model.predict(X[pair], verbose=0).argmax(1) == table.classifier().predict(X[pair])
    )
    assert agree > 0.95


LABELS = {
    "column": Y[:, None],
    "one-hot": np.eye(3, dtype="float32")[Y],
    "floats": Y.astype("float32"),
    "list": Y.tolist(),
}


@once
def test_labels_of_every_form():
    model = small()
    given = {"strategy": "freeze", "head_epochs": 1, "epochs": 0, **QUICK}
    expected = fine_tune(model, (X, Y), **given)
    for labels in LABELS.values():
        ours = fine_tune(model, (X, labels), **given)
        assert_same(values(ours.model), values(expected.model), atol=1e-6)
        assert ours.history["accuracy"] == pytest.approx(expected.history["accuracy"])


def test_binary_and_several_inputs():
    x, y = keras.Input((6,), name="x"), keras.Input((6,), name="y")
    z = layers.concatenate([layers.Dense(3)(x), layers.Dense(4)(y)])
    model = keras.Model({"x": x, "y": y}, layers.Dense(1, activation="sigmoid")(z))
    data = {"x": RNG.normal(size=(20, 6)), "y": RNG.normal(size=(20, 6))}
    result = fine_tune(model, (data, np.arange(20) % 2), head_epochs=1, epochs=1, **QUICK)
    assert result.model.predict(data, verbose=0).shape == (20, 1)
    assert len(result.history["accuracy"]) == 2


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.low, self.head = layers.Dense(4, "relu"), layers.Dense(3)

    def call(self, inputs):
        return self.head(self.low(inputs))

    def get_config(self):
        return {}


def test_a_subclassed_model_trains_without_kept_features():
    model = Subclassed()
    x = RNG.normal(size=(20, 6)).astype("float32")
    model(x)
    with pytest.warns(UserWarning, match="no graph"):
        result = fine_tune(model, (x, np.arange(20) % 3), None, "freeze", None, 1, 0, **QUICK)
    assert_same(values(result.model.low), values(model.low))
    assert not np.array_equal(values(result.model.head)[0], values(model.head)[0])


@once  # with tf.data
@pytest.mark.parametrize("batched", [True, False])
def test_tf_datasets(batched):
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices((X, Y))
    data = data.batch(16) if batched else data
    result = fine_tune(small(), data, data, classes=3, head_epochs=1, epochs=1, **QUICK)
    assert len(result.history["val_accuracy"]) == 2
    with pytest.raises(ValueError, match="never ends"):
        fine_tune(small(), data.repeat(), classes=3, **QUICK)
    with pytest.raises(ValueError, match="classes 0 to 1"):
        fine_tune(small(), data, classes=2, **QUICK)


@once
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"strategy": "tune"}, "`strategy`"),
        ({"classes": 2}, "Label 2 of `train` is outside the classes 0 to 1"),
        ({"train": (X, Y - 1)}, "Label -1"),
        ({"train": (X, Y + 0.5)}, "whole"),
        ({"train": (X, Y[:-1])}, "lengths"),
        ({"train": (X[:0], Y[:0])}, "at least one"),
        ({"train": X}, "pair"),
        ({"validation": (X, Y + 7)}, "`validation`"),
        ({"head_epochs": -1}, "`head_epochs`"),
        ({"learning_rate": 0}, "`learning_rate`"),
        ({"base_learning_rate": float("nan")}, "`base_learning_rate`"),
        (
            {"learning_rate": keras.optimizers.schedules.CosineDecay(1e-3, 10)},
            "`base_learning_rate`",
        ),
        ({"decay": 2}, "`decay`"),
        ({"until": "nothing_like_it"}, "`until`"),
        ({"batchnorm": "still"}, "`batchnorm`"),
        ({"batch_size": 0}, "`batch_size`"),
        ({"cache_limit": -1}, "`cache_limit`"),
        ({"augmentation": np.flip}, "`augmentation`"),
        ({"model": keras.Sequential([keras.Input((6,)), layers.ReLU()])}, "end in one Dense"),
        ({"strategy": "svm", "train": (X[:3], np.arange(3))}, "two examples"),
        ({"strategy": "svm", "sampler": np.arange, "gradual": 1}, "no 'sampler', 'gradual'"),
        ({"sampler": np.arange, "train": Counted()}, "`sampler` draws from arrays"),
        ({"sampler": lambda epoch: [30]}, "from 0 to 29"),
        ({"sampler": lambda epoch: [True]}, "from 0 to 29"),
        ({"monitor": "val_loss"}, "needs `validation`"),
        ({"gradual": 1}, "belong to `decay`"),
        ({"blocks": ["conv"]}, "belong to `decay`"),
        ({"gradual": 0, "decay": 0.5}, "`gradual`"),
    ],
    ids=lambda value: "" if isinstance(value, str) else "-".join(value),
)
def test_refused_before_anything_happens(arguments, message, tmp_path):
    given = {"model": source(), "train": (X, Y), "classes": 3, **QUICK, **arguments}
    with pytest.raises(ValueError, match=message):
        fine_tune(**given, backup_dir=tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


@once
def test_warns_of_optimizers_that_forget():
    with pytest.warns(UserWarning, match="destroys pretrained weights"):
        fine_tune(source(), (X, Y), None, "fine_tune", 3, 0, 0, optimizer="ftrl", **QUICK)
