"""Fine-tuning of models that give label maps."""

import keras
import numpy as np
import pytest
from backends import once
from keras import layers

from kerasnorm.imbalance import (
    ClassWeights,
    SparseFocalCrossentropy,
    adjust_logits,
    tau_normalize,
)
from kerasnorm.models._heads import find_head, gives_logits, gives_maps
from kerasnorm.transfer import fine_tune, replace_head
from kerasnorm.transfer.fine_tuning._head_split import split_at_head

RNG = np.random.default_rng(0)
X = RNG.normal(size=(10, 6, 8, 2)).astype("float32")
Y = (X[..., 0] > 0).astype("uint8") + (X[..., 0] > 1)
QUICK = {"jit_compile": False, "verbose": 0, "seed": 1}
pytestmark = pytest.mark.usefixtures("without_tracing")


def scenes(*after, classes=5, head=layers.Conv2D, **kwargs):
    """A stem, a head of one convolution, and what comes after it."""
    images = keras.Input((6, 8, 2), name="images")
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="stem")(images)
    x = head(classes, 1, name="head", **kwargs)(x)
    for layer in after:
        x = layer(x)
    return keras.Model(images, x)


def coarse():
    return scenes(layers.Softmax(), layers.UpSampling2D(2, interpolation="bilinear"), strides=2)


# Keras 3.15 on torch: "grad_input must be contiguous" of a cross-entropy of maps of probabilities
LOSS = SparseFocalCrossentropy(gamma=0, from_logits=False)
ENDS = {
    "logits": (scenes, True),
    "softmax": (lambda: scenes(activation="softmax"), False),
    "probabilities made larger": (coarse, False),
    "transposed": (lambda: scenes(layers.Resizing(6, 8), head=layers.Conv2DTranspose), True),
}


@pytest.mark.parametrize("end", ENDS)
def test_the_last_convolution_is_replaced(end):
    make, logits = ENDS[end]
    model = make()
    model.get_layer("head").trainable = False
    before = model.get_weights()
    assert gives_maps(model) and gives_logits(model) is logits
    new = replace_head(model, 3, maps=True)
    assert new.output_shape == (None, 6, 8, 3) and gives_logits(new) is logits
    assert type(find_head(new)) is type(find_head(model)) and find_head(new).trainable
    assert [layer.name for layer in new.layers] == [layer.name for layer in model.layers]
    for a, b in zip(new.get_layer("stem").get_weights(), before[:2], strict=True):
        np.testing.assert_array_equal(a, b)
    loss = None if logits else LOSS
    tuned = fine_tune(model, (X, Y), (X, Y), "freeze", 3, 1, 0, loss=loss, **QUICK)
    assert tuned.model.output_shape == (None, 6, 8, 3)
    predicted = tuned.model.predict(X, verbose=0).argmax(-1)
    assert tuned.history["val_accuracy"][-1] == pytest.approx(np.mean(predicted == Y))
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


@once
def test_labels_decide_what_the_head_is_for():
    """The same feature maps are a backbone where each image has one class."""
    tuned = fine_tune(scenes(), (X, Y[:, 0, 0]), classes=3, head_epochs=1, epochs=0, **QUICK)
    assert tuned.model.output_shape == (None, 3)


def test_only_the_head_trains_and_kept_features_change_nothing():
    model = coarse()
    results = [
        fine_tune(model, (X, Y), (X, Y), "freeze", 3, 1, 0, cache=cache, loss=LOSS, **QUICK)
        for cache in (True, False)
    ]
    assert split_at_head(model).base.output_shape == (None, 6, 8, 4)
    first, second = (result.history for result in results)
    np.testing.assert_allclose(first["val_loss"], second["val_loss"], rtol=1e-4)


@once
@pytest.mark.parametrize("kind", ["dataset", "kept"])
def test_pixels_are_weighed(kind):
    """The first loss is Σ w l / pixels that count, of labels of which 255 is none."""
    table = np.array([0.5, 1.0, 4.0])
    weights = ClassWeights(enumerate(table), ignore_class=255, positions=True)
    y = Y.copy()
    y[:, 2] = 255
    model = scenes(classes=3)
    logits = model.predict(X, verbose=0).astype(np.float64)[y != 255]
    labels = y[y != 255]
    losses = np.log(np.exp(logits).sum(-1)) - logits[np.arange(len(labels)), labels]
    train = (X, y)
    if kind == "dataset":
        import tensorflow as tf

        train = tf.data.Dataset.from_tensor_slices((X, y)).batch(10)
    tuned = fine_tune(
        model,
        train,
        (X, y),
        "freeze",
        head_epochs=1,
        epochs=0,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=255),
        metrics=(),
        class_weight=weights,
        batch_size=10,
        cache=kind == "kept",
        learning_rate=1e-12,
        **QUICK,
    )
    weighed = (table[labels] * losses).sum() / len(labels)
    assert tuned.history["loss"][0] == pytest.approx(weighed, rel=1e-4)
    assert tuned.history["val_loss"][0] == pytest.approx(losses.mean(), rel=1e-4)


def test_logits_are_adjusted_below_what_follows_the_head():
    model = scenes(layers.UpSampling2D(2), classes=3)
    counts = [90, 9, 1]
    adjusted = adjust_logits(model, counts)
    np.testing.assert_allclose(
        adjusted.predict(X, verbose=0),
        adjust_logits(model.predict(X, verbose=0), counts),
        rtol=1e-4,
        atol=1e-5,
    )


@once
@pytest.mark.parametrize(
    ("make", "labels", "kwargs", "message"),
    [
        (lambda: scenes(layers.ReLU()), Y, {"classes": 3}, "end in one Dense"),
        (scenes, Y + 9, {}, "Label 11 .* 0 to 4"),
        (scenes, Y[:, 0, 0], {}, r"ints \(N, H, W\)"),
        (scenes, Y, {"classes": 3, "strategy": "svm"}, "end in a Dense layer"),
        (
            lambda: keras.Sequential([keras.Input((6, 8, 2)), layers.Flatten(), layers.Dense(3)]),
            Y,
            {"classes": 3},
            "A model for label maps should end in one Conv2D",
        ),
    ],
    ids=["what follows", "range", "labels of images", "svm", "classes of images"],
)
def test_wrong_input_is_refused(make, labels, kwargs, message):
    with pytest.raises(ValueError, match=message):
        fine_tune(make(), (X, labels), **kwargs, **QUICK)


@once
def test_classes_come_last():
    images = keras.Input((2, 6, 8))
    outputs = layers.Conv2D(5, 1, data_format="channels_first")(images)
    with pytest.raises(ValueError, match="classes last"):
        replace_head(keras.Model(images, outputs), 3, maps=True)


@once
def test_tau_is_for_dense_heads():
    with pytest.raises(ValueError, match="end in a Dense layer"):
        tau_normalize(scenes(), 1.0)


@pytest.mark.parametrize("after", [(), (layers.UpSampling2D(2),)], ids=["", "enlarged"])
def test_a_head_that_is_solved_on_some_of_the_pixels(after):
    """It finds the classes that pixels tell, ignores those without a label, and keeps the prior."""
    rng = np.random.default_rng(0)
    labels = (rng.random((20, 6, 8)) < 0.2).astype("int32")
    x = np.stack([labels, rng.random(labels.shape)], axis=-1).astype("float32")
    if after:
        labels = labels.repeat(2, axis=1).repeat(2, axis=2)
    marked = np.where(rng.random(labels.shape) < 0.3, 255, labels)
    images = keras.Input((6, 8, 2))
    outputs = layers.Conv2D(2, 1, name="head")(layers.Conv2D(4, 1)(images))
    for layer in after:
        outputs = layer(outputs)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=255)
    tuned = fine_tune(
        keras.Model(images, outputs),
        (x, marked),
        strategy="freeze",
        loss=loss,
        metrics=(),
        verbose=0,
        jit_compile=False,
    )
    assert (tuned.model.predict(x, verbose=0).argmax(-1) == labels).all()
    assert len(tuned.history["loss"]) == 1 and tuned.history["loss"][0] < 0.05
    blind = fine_tune(
        keras.Model(images, outputs),
        (0 * x, marked),
        strategy="freeze",
        loss=loss,
        metrics=(),
        verbose=0,
        jit_compile=False,
    )
    odds = np.diff(blind.model.get_layer("head").get_weights()[1])[0]
    assert odds == pytest.approx(np.log(labels.mean() / (1 - labels.mean())), abs=0.1)


@once
@pytest.mark.parametrize(
    ("activation", "loss"),
    [
        (None, keras.losses.CategoricalCrossentropy(from_logits=True)),
        ("softmax", "categorical_crossentropy"),
        ("sigmoid", "binary_crossentropy"),
    ],
)
def test_label_maps_with_a_channel_for_each_class_are_trained(activation, loss):
    """The solver reads one class a pixel, and would take the first channel for it."""
    images = keras.Input((6, 8, 2))
    outputs = layers.Conv2D(3, 1, activation=activation)(layers.Conv2D(4, 1)(images))
    labels = np.eye(3, dtype="float32")[Y]
    model = keras.Model(images, outputs)
    tuned = fine_tune(model, (X, labels), None, "freeze", loss=loss, epochs=1, **QUICK)
    assert len(tuned.history["loss"]) == 5 + 1
