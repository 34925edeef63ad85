"""`fit`: what it trains, on what, and what it leaves alone."""

import keras
import numpy as np
import pytest
from backends import once
from recipe.recipe_models import convnet, images, perceptron, points, same, weights_by_layer
from recipe.untrained import Untrained

from kerasnorm.recipe import Recipe, fit

TRAIN, HELD_OUT = points(seed=0), points((6, 5, 4), seed=1)


# Seconds a test would go into graphs of a few steps; test_output has one.
pytestmark = pytest.mark.usefixtures("without_tracing")


def fit_quietly(recipe, model=None, train=TRAIN, validation=HELD_OUT, epochs=1, **kwargs):
    model = perceptron() if model is None else model
    arguments = {"verbose": 0, "seed": 0, "batch_size": 38, **kwargs}
    return fit(recipe, model, train, validation, epochs, **arguments)


def dense(units=3, activation=None):
    """A model that trains faster than `perceptron`, for what does not ask for layers."""
    layer = keras.layers.Dense(units, activation=activation, name="head")
    return keras.Sequential([keras.Input((4,)), layer])


def test_history_and_evaluation():
    run = fit_quietly(Recipe(), epochs=2, keep="best")
    assert {len(values) for values in run.history.values()} == {1 + 2}  # the solved head first
    names = {"loss", "accuracy", "balanced_accuracy"}
    assert run.history.keys() == names | {f"val_{name}" for name in names}
    predicted = run.model.predict(HELD_OUT[0], verbose=0).argmax(axis=1)
    confusion = np.zeros((3, 3), int)
    np.add.at(confusion, (HELD_OUT[1], predicted), 1)
    np.testing.assert_array_equal(run.evaluation.confusion, confusion)
    np.testing.assert_allclose(
        run.evaluation.per_class_recall, np.diag(confusion) / np.array([6, 5, 4])
    )
    best = max(run.history["val_balanced_accuracy"])
    assert run.evaluation.balanced_accuracy == pytest.approx(best)
    np.testing.assert_array_equal(run.evaluation.train_counts, [24, 9, 5])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    expected = float(loss(HELD_OUT[1], run.model.predict(HELD_OUT[0], verbose=0)))
    kept = np.argmax(run.history["val_balanced_accuracy"])
    assert run.history["val_loss"][kept] == pytest.approx(expected, rel=1e-5)


ALL, BUT_NORM = "stem norm top head", "stem top head"
FREEZE, TUNE = {"transfer": "freeze"}, {"transfer": "fine_tune"}
MOVING = {"head_epochs": 1, "batchnorm": "train"}
# which layers `until` means does not differ by backend
TRAINED = [
    (Recipe(**FREEZE, imbalance="resample"), "head"),
    pytest.param(Recipe(**FREEZE, transfer_settings={"until": "norm"}), "top head", marks=once),
    pytest.param(Recipe(**FREEZE, transfer_settings={"until": 0.0}), BUT_NORM, marks=once),
    pytest.param(Recipe(**TUNE), BUT_NORM, marks=once),
    (Recipe("batch", **TUNE, transfer_settings=MOVING), ALL),
    pytest.param(Recipe(**TUNE, transfer_settings={"until": 1}), "top head", marks=once),
    pytest.param(Recipe(**TUNE, transfer_settings={"until": "^top$"}), "stem head", marks=once),
    pytest.param(Recipe(**TUNE, transfer_settings={"until": "top"}), "head", marks=once),
    (Recipe(transfer="scratch", imbalance="class_weights"), ALL),
    (Recipe(transfer=None), "norm top head"),
]


@pytest.mark.parametrize(("recipe", "expected"), TRAINED, ids=str)
def test_trains_what_the_recipe_says(recipe, expected):
    """In one step of all layers, and leaves the given model alone."""
    model = perceptron(classes=3)
    model.get_layer("stem").trainable = False
    before, config = weights_by_layer(model), model.get_config()
    epochs = 1 + recipe.transfer_settings.get("head_epochs", 0)
    run = fit_quietly(recipe, model, validation=None, epochs=epochs)
    after = weights_by_layer(run.model)
    assert {name for name in before if not same(before[name], after[name])} == {*expected.split()}
    left = weights_by_layer(model)
    assert all(same(before[name], left[name]) for name in before)
    assert model.get_config() == config and not model.compiled
    assert run.recipe is recipe and run.evaluation is None and "val_loss" not in run.history


@once
@pytest.mark.parametrize("batchnorm", ["train", "affine_only", "inference"])
def test_batchnorm_of_fine_tuning(batchnorm):
    model = perceptron(classes=3)
    recipe = Recipe(optimizer="sgd", transfer_settings={"batchnorm": batchnorm})
    before = model.get_layer("norm").get_weights()
    run = fit_quietly(recipe, model, validation=None)
    after = run.model.get_layer("norm").get_weights()
    moving = [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    affine, statistics = batchnorm != "inference", batchnorm == "train"
    assert moving == [affine, affine, statistics, statistics]


@once
@pytest.mark.parametrize("transfer", ["scratch", None])
def test_epochs_are_all_there_are_without_a_head_first(transfer):
    run = fit_quietly(Recipe(transfer=transfer), perceptron(3), epochs=2)
    assert len(run.history["loss"]) == 2


def test_flags_inside_a_block_stay():
    model = convnet(classes=3)
    model.get_layer("stem").trainable = False
    run = fit(Recipe(transfer=None), model, images(), epochs=1, verbose=0)
    before, after = weights_by_layer(model), weights_by_layer(run.model)
    assert same(before["stem"], after["stem"]) and not same(before["top"], after["top"])


def test_the_head_trains_first():
    """With all epochs but the last for the head, one epoch is left for the base."""
    trained = []

    class Spy(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            trained.append(len(self.model.trainable_variables))

    recipe = Recipe(transfer_settings={"head_epochs": 2})
    run = fit_quietly(recipe, epochs=3, validation=None, callbacks=[Spy()])
    assert trained == [2, 2, 6]
    assert len(run.history["loss"]) == 3


@once
def test_replaces_only_a_head_that_does_not_fit():
    model = dense()
    recipe = Recipe(optimizer="sgd", optimizer_settings={"learning_rate": 1e-12})
    np.testing.assert_allclose(
        fit_quietly(recipe, model, validation=None).model.get_layer("head").get_weights()[0],
        model.get_layer("head").get_weights()[0],
    )
    run = fit_quietly(recipe, model, validation=None, classes=5)
    assert run.model.output_shape == (None, 5)


@once
def test_probabilities():
    run = fit_quietly(Recipe(), dense(4, "softmax"))
    outputs = run.model.predict(HELD_OUT[0], verbose=0)
    np.testing.assert_allclose(outputs.sum(axis=1), 1, rtol=1e-5)
    expected = -np.log(outputs[np.arange(15), HELD_OUT[1]]).mean()
    assert run.history["val_loss"] == pytest.approx([expected], rel=1e-4)


@once
def test_a_sigmoid_becomes_a_softmax():
    run = fit_quietly(Recipe(), dense(1, "sigmoid"), validation=None)
    assert run.model.layers[-1].activation is keras.activations.softmax


@pytest.mark.parametrize("imbalance", [None, "class_weights", "resample"])
def test_imbalance_reaches_the_training(imbalance):
    """On data that tell nothing, the bias moves by each class's weight less its probability."""
    counts = np.array([70, 20, 10])
    train = np.zeros((100, 4), "float32"), np.repeat(np.arange(3), counts)
    rate = {"learning_rate": 1.0}
    recipe = Recipe(transfer=None, imbalance=imbalance, optimizer="sgd", optimizer_settings=rate)
    run = fit_quietly(recipe, dense(), train, None, batch_size=100)
    expected = counts / 100 - 1 / 3 if imbalance is None else np.zeros(3)
    rounded = 0.03 if imbalance == "resample" else 1e-6
    np.testing.assert_allclose(run.model.get_weights()[1], expected, atol=rounded)


@pytest.mark.parametrize(
    ("kind", "imbalance"),
    [
        pytest.param("single", "resample", marks=once),
        pytest.param("one_hot", "resample", marks=once),
        pytest.param("batches", "class_weights", marks=once),
        ("shuffled", None),
    ],
)
def test_datasets(kind, imbalance):
    import tensorflow as tf

    def dataset(data):
        x, y = data
        y = np.eye(3, dtype="float32")[y] if kind == "one_hot" else y
        made = tf.data.Dataset.from_tensor_slices((x, y))
        if kind == "shuffled":  # another order in every pass
            made = made.shuffle(100, reshuffle_each_iteration=True)
        return made if kind == "single" else made.batch(20)

    recipe = Recipe(imbalance=imbalance)
    run = fit_quietly(recipe, dense(), dataset(TRAIN), dataset(HELD_OUT), batch_size=20)
    np.testing.assert_array_equal(run.evaluation.train_counts, [24, 9, 5])
    predicted = run.model.predict(HELD_OUT[0], verbose=0).argmax(axis=1)
    confusion = np.zeros((3, 3), int)
    np.add.at(confusion, (HELD_OUT[1], predicted), 1)
    np.testing.assert_array_equal(run.evaluation.confusion, confusion)


@once
def test_a_dataset_that_keras_made_of_a_folder(tmp_path):
    for label, name in enumerate(("cat", "dog")):
        (tmp_path / name).mkdir()
        for k in range(4):
            picture = np.full((8, 8, 1), 40 * k + 10 * label)
            keras.utils.save_img(tmp_path / name / f"{k}.png", picture, scale=False)
    size = {"image_size": (8, 8), "color_mode": "grayscale", "verbose": False}
    data = keras.utils.image_dataset_from_directory(tmp_path, batch_size=4, **size)
    run = fit(Recipe(), convnet(), data, data, epochs=1, verbose=0)
    assert run.evaluation.class_names == ("cat", "dog")


def test_a_subclassed_model():
    @keras.saving.register_keras_serializable(package="test_fit")
    class Net(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.head = keras.layers.Dense(3)

        def call(self, x):
            return self.head(x)

    model = Net()
    model(TRAIN[0][:1])
    run = fit_quietly(Recipe(), model, validation=None)
    assert not same(run.model.get_weights(), model.get_weights())
    with pytest.raises(ValueError, match="Give it 4 outputs"):
        fit_quietly(Recipe(), model, classes=4)
    with pytest.raises(ValueError, match="transfer=None"):
        fit_quietly(Recipe(transfer="scratch"), model)


def test_from_scratch_draws_new_weights_and_keeps_what_preprocessing_learnt():
    normalize = keras.layers.Normalization()
    normalize.adapt(TRAIN[0])
    layers = [normalize, keras.layers.Dense(3, name="head")]
    model = keras.Sequential([keras.Input((4,)), *layers])
    still = {"optimizer": "sgd", "optimizer_settings": {"learning_rate": 1e-12}}
    run = fit_quietly(Recipe(transfer="scratch", **still), model, validation=None)
    assert not np.allclose(run.model.get_weights()[-2], model.get_weights()[-2])
    expected = keras.ops.convert_to_numpy(normalize(TRAIN[0]))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(run.model.layers[0](TRAIN[0])), expected, rtol=1e-5
    )


REFUSED = [
    ({"recipe": "group"}, "Recipe"),
    ({"model": keras.Sequential([keras.layers.Dense(3)])}, "built"),
    ({"epochs": 0}, "epochs"),
    ({"batch_size": 0}, "batch_size"),
    ({"recipe": Recipe(transfer_settings={"head_epochs": 1})}, "head_epochs=1"),
    ({"recipe": Recipe("group"), "model": dense()}, "ConvNormActivation(…, normalization='group')"),
    ({"recipe": Recipe("instance")}, "'norm': InstanceNormalization would compute each mean from"),
    ({"recipe": Recipe(transfer="freeze", transfer_settings={"until": "blok"})}, "blok"),
    ({"recipe": Recipe(schedule="cosine", schedule_settings={"warmup_epochs": 1})}, "leave epochs"),
    (
        {"recipe": Recipe(loss="balanced_softmax"), "model": perceptron(3, "softmax")},
        "needs logits",
    ),
    ({"recipe": Recipe(correction="adjust_logits"), "classes": 4}, "no example of class 3"),
    ({"keep": "all"}, "'auto', 'best', 'last'"),
    ({"test": (HELD_OUT[0], HELD_OUT[1] + 9), "classes": 3}, "Label 11 of `test`"),
    ({"train": TRAIN[0]}, "pair"),
    ({"train": (TRAIN[0], TRAIN[1][:-1])}, "a label for each of the 38"),
    ({"train": (TRAIN[0][:0], TRAIN[1][:0])}, "empty"),
    ({"train": (TRAIN[0], TRAIN[1] - 1)}, "count from 0"),
    ({"train": (TRAIN[0], TRAIN[1] * 0)}, "one class only"),
    ({"train": (TRAIN[0], TRAIN[1] + 0.5)}, "whole"),
    ({"classes": 2}, "Label 2 of `train` is outside the classes 0 to 1"),
    ({"validation": (HELD_OUT[0], HELD_OUT[1] + 9), "classes": ["a", "b", "c"]}, "Label 11"),
]


@once
@pytest.mark.parametrize(("changed", "said"), REFUSED, ids=lambda value: str(value)[:40])
def test_refuses(changed, said):
    arguments = {"recipe": Recipe(), "callbacks": [Untrained()], **changed}
    with pytest.raises(ValueError) as error:
        fit_quietly(**arguments)
    assert said in str(error.value)


@once
@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("batch", keras.layers.BatchNormalization()),
        ("group", keras.layers.GroupNormalization(2)),
        ("layer", keras.layers.LayerNormalization()),
    ],
)
def test_knows_the_layers_of_keras(name, layer):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4), layer])
    model.add(keras.layers.Dense(2))
    x, y = np.ones((6, 4), "float32"), np.array([0, 1] * 3)
    assert fit(Recipe(name), model, (x, y), epochs=1, verbose=0).evaluation is None


@once
@pytest.mark.parametrize(
    ("recipe", "groups", "momentum"),
    [
        (Recipe("group", transfer="freeze"), 2, None),
        (Recipe("group", transfer="scratch", normalization_settings={"groups": 1}), 1, None),
        (Recipe("batch", normalization_settings={"momentum": 0.25}), None, 0.25),
    ],
    ids=str,
)
def test_puts_the_normalization_in(recipe, groups, momentum):
    model = perceptron()
    gamma = np.array([1.0, 2.0, 3.0, 4.0], "float32")
    model.get_layer("norm").gamma.assign(gamma)
    weights = model.get_weights()
    norm = fit_quietly(recipe, model, validation=None).model.get_layer("norm")
    assert getattr(norm, "groups", None) == groups
    assert getattr(norm, "momentum", None) == momentum
    if recipe.transfer == "freeze":
        np.testing.assert_array_equal(norm.gamma, gamma)
    assert same(model.get_weights(), weights)
