"""γ and β of new layers, set so that each channel keeps its mean and deviation."""

import keras
import numpy as np
import pytest
from backends import once
from keras import layers

from kerasnorm.surgery import replace_normalization


def trained_like(model, rng):
    """Gives batch normalization statistics and parameters of both signs."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            trained_like(layer, rng)
        elif isinstance(layer, layers.BatchNormalization):
            size = layer.moving_mean.shape[0]
            layer.moving_mean.assign(rng.normal(0, 0.5, size))
            layer.moving_variance.assign(rng.uniform(0.5, 2, size))
            if layer.gamma is not None:
                layer.gamma.assign(rng.uniform(0.5, 2, size) * rng.choice([-1, 1], size))
            if layer.beta is not None:
                layer.beta.assign(rng.normal(0, 1, size))
    return model


def images_model():
    inputs = keras.Input((9, 9, 3))
    x = layers.Conv2D(8, 3, name="conv1")(inputs)
    x = layers.ReLU()(layers.BatchNormalization(name="bn1")(x))
    y = layers.BatchNormalization(name="bn2")(layers.Conv2D(8, 3, padding="same", name="conv2")(x))
    x = layers.ReLU()(layers.add([x, y]))
    return keras.Model(inputs, layers.BatchNormalization(name="bn3")(layers.Conv2D(6, 3)(x)))


def outputs(model, x, names):
    """The outputs of all calls of layers, channels last, in NumPy."""
    tensors = [[node.outputs[0] for node in _nodes(model, name)] for name in names]
    found = keras.Model(model.inputs[0], tensors)(x)
    return [np.concatenate([keras.ops.convert_to_numpy(y) for y in each]) for each in found]


def _nodes(model, name):
    nodes = [node for depth in model._nodes_by_depth.values() for node in depth]
    return [node for node in nodes if node.operation.name == name]


def check_kept(old, new, x, names):
    for before, after in zip(outputs(old, x, names), outputs(new, x, names), strict=True):
        axes = tuple(range(before.ndim - 1))
        np.testing.assert_allclose(after.mean(axes), before.mean(axes), atol=1e-3)
        np.testing.assert_allclose(after.std(axes), before.std(axes), rtol=1e-3, atol=1e-3)
        centred = (before - before.mean(axes)) * (after - after.mean(axes))
        assert centred.mean(axes).min() > 0  # a negative γ stays negative


@pytest.mark.parametrize("to", ["group", "layer", "instance", "filter_response"])
@pytest.mark.parametrize("standardized", [False, True])
def test_each_channel_keeps_its_mean_and_deviation(rng, to, standardized):
    old = trained_like(images_model(), rng)
    x = rng.normal(1, 2, (40, 9, 9, 3)).astype("float32")
    weights = old.get_weights()
    arguments = {"groups": 2} if to == "group" else {}
    new, report = replace_normalization(
        old, to, calibrate=x, weight_standardization=standardized, **arguments
    )
    assert report.calibrated == report.replaced == ["bn1", "bn2", "bn3"]
    assert "3 layers calibrated" in str(report)
    check_kept(old, new, x, report.replaced)
    np.testing.assert_equal(old.get_weights(), weights)
    assert not any("call" in vars(layer) for layer in (*old.layers, *new.layers))


@once
def test_shared_layers_are_set_from_all_their_calls(rng):
    first, second = (layers.BatchNormalization(name=name) for name in ("bn1", "bn2"))
    conv = layers.Conv2D(6, 3)
    inputs = keras.Input((7, 7, 6))
    branches = [second(conv(layers.ReLU()(first(x)))) for x in (inputs, 3.0 * inputs)]
    old = trained_like(keras.Model(inputs, layers.add(branches)), rng)
    x = rng.normal(1, 1, (30, 7, 7, 6)).astype("float32")
    new, report = replace_normalization(old, "group", groups=2, calibrate=[x[:20], x[20:]])
    assert report.calibrated == ["bn1", "bn2"]
    check_kept(old, new, x, report.calibrated)


@once
def test_channels_first(rng):
    inputs = keras.Input((4, 5, 5))
    old = keras.Model(inputs, layers.BatchNormalization(axis=1, name="bn")(inputs))
    trained_like(old, rng)
    x = rng.normal(1, 2, (20, 4, 5, 5)).astype("float32")
    new, _ = replace_normalization(old, "group", groups=2, calibrate=x)
    for found in (np.mean, np.std):
        before, after = (found(np.asarray(model(x)), axis=(0, 2, 3)) for model in (old, new))
        np.testing.assert_allclose(after, before, atol=1e-3)


@once
@pytest.mark.parametrize("missing", ["center", "scale"])
def test_layers_without_parameters_are_left_with_a_reason(rng, missing):
    inputs = keras.Input((5, 5, 4))
    x = layers.BatchNormalization(name="bn1", **{missing: False})(inputs)
    old = trained_like(keras.Model(inputs, layers.BatchNormalization(name="bn2")(x)), rng)
    images = rng.normal(1, 2, (20, 5, 5, 4)).astype("float32")
    new, report = replace_normalization(old, "instance", calibrate=images)
    assert report.calibrated == ["bn2"] and "scale=False" in report.not_calibrated["bn1"]
    check_kept(old, new, images, ["bn2"])


@once
def test_constant_channels_keep_their_mean(rng):
    inputs = keras.Input((5, 5, 4))
    old = trained_like(keras.Model(inputs, layers.BatchNormalization(name="bn")(inputs)), rng)
    x = np.full((8, 5, 5, 4), 2.0, "float32")
    new, _ = replace_normalization(old, "instance", calibrate=x)
    np.testing.assert_allclose(np.asarray(new(x)), np.asarray(old(x)), atol=1e-5)
