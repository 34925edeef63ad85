"""Other channels, other sizes: the same weights, and the same answers where both can be asked."""

import keras
import numpy as np
import pytest
from backends import once
from keras import layers, ops

from kerasnorm.transfer import adapt_input, freeze

pytestmark = pytest.mark.usefixtures("without_tracing")
RNG = np.random.default_rng(0)
GREY = RNG.uniform(0, 255, (2, 12, 12, 1)).astype("float32")


def plain():
    return keras.Sequential(
        [
            keras.Input((12, 12, 3), name="images"),
            layers.Rescaling(1 / 127.5, -1),
            layers.ZeroPadding2D(),
            layers.Conv2D(4, 3, strides=2, name="conv1"),
            layers.BatchNormalization(name="bn"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, name="head"),
        ]
    )


def nested():
    base = plain()
    base.pop()
    base.name = "base"
    images = keras.Input((12, 12, 3))
    return keras.Model(images, layers.Dense(2)(base(images)), name="outer")


def per_channel():
    """Statistics of each channel before the convolution, whose padding sees them."""
    images = keras.Input((12, 12, 3))
    x = layers.Normalization(mean=[100.0, 110, 120], variance=[50.0, 60, 70])(images)
    x = layers.Conv2D(4, 3, padding="same", name="conv1")(x)
    return keras.Model(images, layers.GlobalMaxPooling2D()(x))


def ops_before():
    images = keras.Input((12, 12, 3))
    x = layers.Conv2D(4, 3, padding="same", name="conv1")(ops.flip(images, -1) * 2.0 - 3.0)
    return keras.Model(images, layers.GlobalMaxPooling2D()(x))


def branched():
    images = keras.Input((12, 12, 3))
    parts = [layers.Conv2D(4, k, padding="same", name=f"conv{k}")(images) for k in (1, 3)]
    return keras.Model(images, layers.GlobalMaxPooling2D()(layers.concatenate(parts)))


def shared():
    conv = layers.Conv2D(3, 3, padding="same", name="conv1")
    images = keras.Input((12, 12, 3))
    return keras.Model(images, layers.GlobalMaxPooling2D()(conv(conv(images))))


def depthwise():
    images = keras.Input((12, 12, 3))
    return keras.Model(images, layers.DepthwiseConv2D(3)(images))


KINDS = {
    make.__name__: make
    for make in (plain, nested, per_channel, ops_before, branched, shared, depthwise)
}


def predict(model, x):
    return ops.convert_to_numpy(model(x, training=False))


CASES = [(kind, channels) for kind in KINDS for channels in (1, 4)]
CASES += [("plain", channels) for channels in (2, 3, 7)]


@pytest.mark.parametrize(("kind", "channels"), CASES)
def test_grey_images_in_any_number_of_channels_are_seen_alike(kind, channels):
    model = KINDS[kind]()
    before = model.get_weights()
    new = adapt_input(model, channels=channels)
    assert new.input_shape == (None, 12, 12, channels)
    expected = predict(model, np.repeat(GREY, 3, -1))
    np.testing.assert_allclose(
        predict(new, np.repeat(GREY, channels, -1)), expected, rtol=1e-4, atol=1e-4
    )
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_grey_is_the_sum_of_rgb_and_more_channels_share_it():
    model = plain()
    kernel = model.get_layer("conv1").get_weights()[0]
    (grey, *_), (four, *_) = (
        adapt_input(model, channels=n).get_layer("conv1").get_weights() for n in (1, 4)
    )
    np.testing.assert_allclose(grey, kernel.sum(2, keepdims=True), rtol=1e-6)
    np.testing.assert_allclose(
        four, kernel[:, :, [0, 1, 2, 0]] * np.array([0.5, 1, 1, 0.5])[:, None], rtol=1e-6
    )


@once
@pytest.mark.parametrize("kind", ["per_channel", "branched"])
def test_what_treats_channels_apart_sees_three(kind):
    new = adapt_input(KINDS[kind](), channels=1)
    assert [layer.name for layer in new.layers][1] == "adapted_channels"


@pytest.mark.parametrize(
    ("size", "shape"), [(20, (20, 20)), ((9, None), (9, None)), ([None, None], (None, None))]
)
def test_another_size(size, shape):
    model = nested()
    freeze(model, until="conv1")
    new = adapt_input(model, size=size)
    assert new.input_shape == (None, *shape, 3)
    base = new.get_layer("base")
    assert base.input_shape == (None, *shape, 3)
    assert base.layers[1:] and base.name == "base"
    for a, b in zip(new.weights, model.weights, strict=True):
        assert a.path == b.path and a.trainable == b.trainable
        np.testing.assert_array_equal(ops.convert_to_numpy(a), ops.convert_to_numpy(b))
    x = np.repeat(GREY, 3, -1)
    if None in shape:
        x = x[:, :9]
        np.testing.assert_allclose(predict(new, x), predict(adapt_input(model, size=(9, 12)), x))
    new.compile("sgd", "mse", jit_compile=False)
    x = np.ones((2, *(each or 10 for each in shape), 3))
    new.fit(x, np.zeros((2, 2)), verbose=0)


@once
def test_saved_and_loaded(tmp_path):
    for kind in KINDS:
        new = adapt_input(KINDS[kind](), channels=1, size=16)
        new.save(tmp_path / "model.keras")
        x = RNG.normal(size=(2, 16, 16, 1))
        loaded = keras.saving.load_model(tmp_path / "model.keras")
        np.testing.assert_allclose(predict(loaded, x), predict(new, x), rtol=1e-5, atol=1e-5)


def flattened():
    images = [keras.Input((8, 8, 3)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(2)]
    return keras.Sequential(images)


def dense():
    return keras.Sequential([keras.Input((3,)), layers.Dense(1)])


class NoGraph(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, x):
        return self.dense(x)

    def get_config(self):
        return {}


def no_graph():
    model = NoGraph()
    model(np.zeros((1, 4, 4, 3)))
    return model


@once
@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        (plain, {}, "neither"),
        (plain, {"channels": 0}, "`channels`"),
        (plain, {"size": (8, 8, 3)}, "2 entries"),
        (plain, {"size": -1}, "`size`"),
        (flattened, {"size": 9}, "weights for"),
        (no_graph, {"channels": 1}, "one input of images"),
        (dense, {"channels": 1}, "one input of images"),
    ],
)
def test_wrong_input_is_refused(make, arguments, message):
    with pytest.raises(ValueError, match=message):
        adapt_input(make(), **arguments)
