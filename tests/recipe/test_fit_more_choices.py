"""Augmentation, patience, image size and mixed precision of a recipe reach the training."""

import keras
import numpy as np
import pytest
from backends import once
from recipe.recipe_models import convnet, images, perceptron, points

from kerasnorm.imbalance import ImageFolder
from kerasnorm.recipe import Recipe, fit
from kerasnorm.recipe.fitting._augmentation import augmentation_of

TRAIN, HELD_OUT = images(seed=0), images((2, 2, 2), seed=1)
QUICK = {"epochs": 1, "verbose": 0, "seed": 0, "keep": "last"}


class Watch(keras.callbacks.Callback):
    """Notes what trains in each phase."""

    def __init__(self):
        super().__init__()
        self.layers, self.optimizers, self.computed = [], [], []

    def on_train_begin(self, logs=None):
        layers = list(self.model._flatten_layers())
        self.layers += [layer.name for layer in layers]
        self.computed += [(layer.name, layer.compute_dtype) for layer in layers]
        self.optimizers.append(type(self.model.optimizer).__name__)


@pytest.fixture(scope="module")
def flat():
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(3)]
    return keras.Sequential([keras.Input((8, 8, 1)), *layers])


@once
@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        (Recipe(augmentation="flip"), ["random_flip"]),
        (Recipe(augmentation="light"), ["random_flip", "random_translation"]),
        (
            Recipe(augmentation="strong", augmentation_settings={"mode": None}),
            ["random_translation", "random_rotation", "random_zoom"],
        ),
    ],
    ids=["flip", "light", "strong without flips"],
)
def test_augmentation_is_made_of_layers_of_keras(recipe, expected, flat):
    layers = augmentation_of(recipe, flat).layers
    assert [layer.name.rstrip("_0123456789") for layer in layers] == expected


@pytest.mark.usefixtures("without_tracing")
def test_images_are_changed_in_training_alone(flat):
    watch = Watch()
    run = fit(Recipe(augmentation="flip"), flat, TRAIN, callbacks=[watch], **QUICK)
    assert any("random_flip" in name for name in watch.layers)
    assert not [layer for layer in run.model.layers if "random" in layer.name]


@pytest.mark.usefixtures("without_tracing")
def test_an_argument_wins(flat):
    watch, own = Watch(), keras.layers.GaussianNoise(1.0, name="own")
    fit(Recipe(augmentation="flip"), flat, TRAIN, augmentation=own, callbacks=[watch], **QUICK)
    assert "own" in watch.layers and "flip" not in watch.layers


@once
def test_augmentation_is_for_images():
    with pytest.raises(ValueError, match=r"changes images .* \(None, 4\)"):
        fit(Recipe(augmentation="flip"), perceptron(3), points(), **QUICK)


@pytest.mark.usefixtures("without_tracing")
def test_patience_stops_the_training(flat):
    never = Recipe(optimizer="sgd", optimizer_settings={"learning_rate": 1e-12}, patience=2)
    run = fit(never, flat, TRAIN, HELD_OUT, **{**QUICK, "epochs": 9})
    assert len(run.history["loss"]) == 4  # the solved head, the first epoch, and two in vain
    with pytest.raises(ValueError, match="patience=2 needs `validation`"):
        fit(never, flat, TRAIN, **QUICK)


@once
def test_images_of_files_have_the_size_of_the_recipe(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for name, value in [("dark", 0), ("light", 255)]:
        (tmp_path / name).mkdir()
        for k in range(3):
            image.new("RGB", (20, 20), (value - k,) * 3).save(tmp_path / name / f"{k}.png")
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Conv2D(2, 3), keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Rescaling(1 / 255), *layers])
    folder = ImageFolder(tmp_path, 8)
    run = fit(Recipe(image_size=12), model, folder, folder, **QUICK)
    assert run.model.input_shape == (None, 12, 12, 3)
    assert run.evaluation.confusion.sum() == 6


@once
def test_arrays_have_to_have_the_size_of_the_recipe(flat):
    fit(Recipe(image_size=8), flat, TRAIN, **QUICK)
    with pytest.raises(ValueError, match=r"image_size=9, and the images of `train` are \(22, 8"):
        fit(Recipe(image_size=9), convnet(3), TRAIN, **QUICK)


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_mixed_precision(kind, without_tracing):
    """What is below the head computes in it while it trains, and in float32 afterwards."""
    watch = Watch()
    recipe = Recipe(transfer=None, mixed_precision=kind)
    run = fit(recipe, convnet(3), TRAIN, callbacks=[watch], **QUICK)
    computed = dict(watch.computed)
    assert computed["conv"] == kind and computed["head"] == "float32"
    assert ("LossScaleOptimizer" in watch.optimizers) == (kind == "float16")
    assert {layer.compute_dtype for layer in run.model._flatten_layers()} == {"float32"}
    assert np.isfinite(run.history["loss"]).all()
