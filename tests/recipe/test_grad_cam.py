"""What a model looks at, against the closed form: class activation maps."""

import keras
import numpy as np
import pytest

from kerasnorm.recipe.results._grad_cam import grad_cam
from kerasnorm.recipe.results._looked_at import _as_pixels

POOL = keras.layers.GlobalAveragePooling2D


def parts():
    keras.utils.set_random_seed(0)
    return keras.layers.Conv2D(3, 3, activation="relu"), keras.layers.Dense(2)


def flat(conv, dense, **more):
    return keras.Sequential([keras.Input((8, 8, 1)), conv, POOL(), dense])


def nested(conv, dense, **more):
    """The pool is inside the base, as in keras.applications with `pooling`."""
    images = keras.Input((8, 8, 1))
    base = keras.Sequential([keras.Input((8, 8, 1)), conv, POOL()])
    return keras.Model(images, dense(base(keras.layers.Rescaling(1.0)(images))))


def maps_out(conv, dense, **more):
    """The pool is outside of the base."""
    images = keras.Input((8, 8, 1))
    base = keras.Sequential([keras.Input((8, 8, 1)), conv])
    return keras.Model(images, dense(keras.layers.Dropout(0.5)(POOL()(base(images)))))


@pytest.mark.parametrize("build", [flat, nested, maps_out])
def test_is_the_class_activation_map(build):
    """Zhou et al., 2016: for pooled maps and a Dense layer, the maps by the kernel's column."""
    conv, dense = parts()
    model = build(conv, dense)
    x = np.random.default_rng(0).normal(size=(3, 8, 8, 1)).astype("float32")
    classes = np.array([0, 1, 1])
    maps = keras.ops.convert_to_numpy(conv(x)).astype("float64")
    kernel = keras.ops.convert_to_numpy(dense.kernel)[:, classes].T
    expected = np.maximum((maps * kernel[:, None, None]).sum(axis=-1), 0)
    expected /= expected.max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(grad_cam(model, x, classes), expected, atol=1e-5)


def test_no_maps_no_pictures():
    dense = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    assert grad_cam(dense, np.zeros((1, 4)), np.array([0])) is None
    images = keras.Input((8, 8, 1))
    x = POOL()(keras.layers.Conv2D(2, 3)(images))
    beside = keras.layers.Concatenate()([x, keras.layers.Flatten()(images)])
    assert grad_cam(keras.Model(images, beside), np.zeros((1, 8, 8, 1)), np.array([0])) is None


@pytest.mark.parametrize(
    ("low", "high", "channels"), [(0, 255, 3), (0, 1, 1), (-1, 1, 3), (5, 5, 4)]
)
def test_any_images_can_be_shown(low, high, channels):
    x = np.linspace(low, high, 2 * 16 * channels).reshape(2, 4, 4, channels)
    pixels = _as_pixels(x)
    assert pixels.shape == (2, 4, 4, 3) and pixels.dtype == np.uint8
    assert low == high or pixels.max() - pixels.min() > 230
