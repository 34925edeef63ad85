"""`fit`: what it trains, on what, and what it leaves alone."""

import keras
import numpy as np
import pytest
from backends import once
from recipe.recipe_models import convnet, images, perceptron, points, same, weights_by_layer

from kerasnorm.recipe import Recipe, fit

TRAIN, HELD_OUT = points(seed=0), points((6, 5, 4), seed=1)


# Seconds a test would go into graphs of a few steps; test_output has one.
pytestmark = pytest.mark.usefixtures("without_tracing")


def fit_quietly(recipe, model=None, train=TRAIN, validation=HELD_OUT, epochs=1, **kwargs):
    model = perceptron() if model is None else model
    return fit(recipe, model, train, validation, epochs, verbose=0, seed=0, **kwargs)


RECIPES = [
    Recipe(),
    Recipe(transfer=None),
    Recipe(transfer="scratch", imbalance="class_weights"),
    Recipe(transfer="freeze", imbalance="resample"),
    Recipe("batch", transfer_settings={"head_epochs": 1}),
]


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_leaves_the_given_model_alone(recipe):
    model = perceptron()
    model.get_layer("stem").trainable = False
    weights, config = model.get_weights(), model.get_config()
    run = fit_quietly(recipe, model, epochs=1 + len(recipe.transfer_settings))
    assert same(model.get_weights(), weights)
    assert model.get_config() == config and not model.compiled
    assert run.model is not model and run.model.output_shape == (None, 3)
    assert run.recipe is recipe


def test_history_and_evaluation():
    run = fit_quietly(Recipe(), epochs=2)
    assert {len(values) for values in run.history.values()} == {2}
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


def test_without_validation():
    run = fit_quietly(Recipe(), validation=None)
    assert run.evaluation is None and "val_loss" not in run.history


def moved(recipe, model):
    """The layers that a training of one step changed."""
    before = weights_by_layer(model)
    run = fit_quietly(recipe, model, validation=None, batch_size=38)
    after = weights_by_layer(run.model)
    return {name for name in before if not same(before[name], after[name])}


ALL = "stem norm top head"
FREEZE, TUNE = {"transfer": "freeze"}, {"transfer": "fine_tune"}
TRAINED = [
    (Recipe(**FREEZE), "head"),
    (Recipe(**FREEZE, transfer_settings={"until": "norm"}), "top head"),
    (Recipe(**FREEZE, transfer_settings={"until": 0.0}), ALL),
    (Recipe(**TUNE), ALL),
    (Recipe(**TUNE, transfer_settings={"until": 1}), "norm top head"),
    (Recipe(**TUNE, transfer_settings={"until": "^top$"}), "stem norm head"),
    (Recipe(**TUNE, transfer_settings={"until": "top"}), "head"),
    (Recipe(transfer="scratch"), ALL),
    (Recipe(transfer=None), "norm top head"),
]


@pytest.mark.parametrize(("recipe", "expected"), TRAINED, ids=str)
def test_trains_what_the_recipe_says(recipe, expected):
    model = perceptron(classes=3)
    model.get_layer("stem").trainable = False
    assert moved(recipe, model) == set(expected.split())


@pytest.mark.parametrize("batchnorm", ["train", "affine_only", "inference"])
def test_batchnorm_of_fine_tuning(batchnorm):
    model = perceptron(classes=3)
    recipe = Recipe(transfer_settings={"batchnorm": batchnorm})
    before = model.get_layer("norm").get_weights()
    run = fit_quietly(recipe, model, validation=None)
    after = run.model.get_layer("norm").get_weights()
    moving = [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    affine, statistics = batchnorm != "inference", batchnorm == "train"
    assert moving == [affine, affine, statistics, statistics]


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
    assert trained == [2, 2, 8]
    assert len(run.history["loss"]) == 3


def test_replaces_only_a_head_that_does_not_fit():
    model = perceptron(classes=3)
    recipe = Recipe(optimizer="sgd", optimizer_settings={"learning_rate": 1e-12})
    np.testing.assert_allclose(
        fit_quietly(recipe, model, validation=None).model.get_layer("head").get_weights()[0],
        model.get_layer("head").get_weights()[0],
    )
    run = fit_quietly(recipe, model, validation=None, classes=5)
    assert run.model.output_shape == (None, 5)


@pytest.mark.parametrize("activation", [None, "softmax"])
def test_logits_and_probabilities(activation):
    run = fit_quietly(Recipe(), perceptron(activation=activation))
    outputs = run.model.predict(HELD_OUT[0], verbose=0)
    assert np.allclose(outputs.sum(axis=1), 1) == (activation == "softmax")
    if activation == "softmax":
        expected = -np.log(outputs[np.arange(15), HELD_OUT[1]]).mean()
        kept = np.argmax(run.history["val_balanced_accuracy"])
        assert run.history["val_loss"][kept] == pytest.approx(expected, rel=1e-4)


def test_a_sigmoid_becomes_a_softmax():
    run = fit_quietly(Recipe(), perceptron(classes=1, activation="sigmoid"))
    assert run.model.layers[-1].activation is keras.activations.softmax


def test_imbalance_reaches_the_training():
    """On data that tell nothing all classes are as likely as their weight: at first, the same."""
    counts = (90, 9, 1)
    x = np.zeros((100, 3), "float32")
    train = x, np.repeat(np.arange(3), counts)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
    rate = {"optimizer": "sgd", "optimizer_settings": {"learning_rate": 2.0}}
    shares = {}
    for imbalance in (None, "class_weights", "resample"):
        recipe = Recipe(imbalance=imbalance, **rate)
        run = fit(recipe, model, train, None, 5, verbose=0, seed=0, batch_size=100)
        shares[imbalance] = np.exp(run.model.predict(x[:1], verbose=0)[0])
        shares[imbalance] /= shares[imbalance].sum()
    assert shares[None][0] > 0.75 and shares[None][2] < 0.1
    for imbalance in ("class_weights", "resample"):
        np.testing.assert_allclose(shares[imbalance], 1 / 3, atol=0.03)


def test_the_seed_decides():
    recipe = Recipe(imbalance="resample")
    model = perceptron(3)
    first, second = (fit_quietly(recipe, model, validation=None).history["loss"] for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("kind", "imbalance"),
    [
        ("batches", "resample"),
        ("single", "resample"),
        ("single", None),
        ("one_hot", "class_weights"),
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
        return made if kind == "single" else made.batch(8)

    run = fit_quietly(
        Recipe(imbalance=imbalance), train=dataset(TRAIN), validation=dataset(HELD_OUT)
    )
    np.testing.assert_array_equal(run.evaluation.train_counts, [24, 9, 5])
    predicted = run.model.predict(HELD_OUT[0], verbose=0).argmax(axis=1)
    confusion = np.zeros((3, 3), int)
    np.add.at(confusion, (HELD_OUT[1], predicted), 1)
    np.testing.assert_array_equal(run.evaluation.confusion, confusion)


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
    run = fit_quietly(Recipe(), model)
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
    run = fit_quietly(Recipe(transfer="scratch", **still), model)
    assert not np.allclose(run.model.get_weights()[-2], model.get_weights()[-2])
    expected = keras.ops.convert_to_numpy(normalize(TRAIN[0]))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(run.model.layers[0](TRAIN[0])), expected, rtol=1e-5
    )


PLAIN = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
REFUSED = [
    ({"recipe": "group"}, "Recipe"),
    ({"model": keras.Sequential([keras.layers.Dense(3)])}, "built"),
    ({"epochs": 0}, "epochs"),
    ({"batch_size": 0}, "batch_size"),
    ({"recipe": Recipe(transfer_settings={"head_epochs": 1})}, "head_epochs=1"),
    ({"recipe": Recipe("group"), "model": PLAIN}, "ConvNormActivation(…, normalization='group')"),
    ({"recipe": Recipe("instance")}, "'norm': InstanceNormalization would compute each mean from"),
    ({"recipe": Recipe(transfer="freeze", transfer_settings={"until": "blok"})}, "blok"),
    ({"recipe": Recipe(schedule="cosine", schedule_settings={"warmup_epochs": 1})}, "leave epochs"),
    (
        {"recipe": Recipe(loss="balanced_softmax"), "model": perceptron(3, "softmax")},
        "needs logits",
    ),
    ({"recipe": Recipe(correction="adjust_logits"), "classes": 4}, "no example of class 3"),
    ({"keep": "all"}, "'best', 'last'"),
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
    arguments = {"recipe": Recipe(), **changed}
    with pytest.raises(ValueError) as error:
        fit_quietly(**arguments)
    assert said in str(error.value)


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


@pytest.mark.parametrize(
    ("recipe", "groups", "momentum"),
    [
        (Recipe("group", transfer="freeze"), 2, None),
        (Recipe("group", transfer="scratch", normalization_settings={"groups": 1}), 1, None),
        (Recipe("batch", normalization_settings={"momentum": 0.25}), None, 0.25),
        (Recipe("batch", normalization_settings={"momentum": 0.5}), None, 0.5),
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
