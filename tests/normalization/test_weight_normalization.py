"""WeightNormalization beyond what `test_kernel_wrappers.py` checks of all wrappers."""

import itertools

import keras
import numpy as np
import pytest
from keras import layers
from normalization.kernel_layers import (
    CONVOLUTIONAL,
    OTHERS,
    array,
    gradient_by,
    inputs_of,
    make,
)
from replicas import two_replicas

from kerasnorm.normalization import WeightNormalization

TF_ONLY = pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="tf.distribute")


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_wrapping_changes_nothing_by_itself(name):
    layer = WeightNormalization(make(name))
    x = inputs_of(name)
    np.testing.assert_allclose(array(layer(x)), array(layer.layer(x)), atol=1e-5)


def data_initialized(layer, x, channel=-1, **kwargs):
    """Returns mean and deviation of each output, and asserts that the call is the first's."""
    before = layer.get_weights()
    y = array(layer(x, training=True, **kwargs)).astype("float64")
    np.testing.assert_allclose(array(layer(x, **kwargs)), y, atol=1e-4)
    trained = [w.name for w in layer.weights if w.trainable]
    for old, weight in zip(before, layer.weights, strict=True):
        if weight.name in trained:
            np.testing.assert_array_equal(array(weight), old)
    axes = tuple(axis for axis in range(y.ndim) if axis != channel % y.ndim)
    return y.mean(axes), y.std(axes)


@pytest.mark.parametrize(("name", "scale"), [*zip(CONVOLUTIONAL, itertools.cycle([1, 1e-3, 100]))])
def test_first_batch_sets_scale_and_bias(name, scale):
    plain = make(name)
    plain.activation = None
    layer = WeightNormalization(plain)
    x = scale * inputs_of(name)
    layer.build(x.shape)
    mean, deviation = data_initialized(layer, x)
    np.testing.assert_allclose(deviation, 1, atol=1e-4)
    if plain.use_bias:
        np.testing.assert_allclose(mean, 0, atol=1e-4)


def test_before_the_activation(rng):
    x = rng.normal(size=(200, 6)).astype("float32")
    layer = WeightNormalization(layers.Dense(3, activation="relu", bias_initializer="ones"))
    y = array(layer(x, training=True))
    plain = layer.remove()
    z = x @ array(plain.kernel) + array(plain.bias)
    np.testing.assert_allclose(z.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(z.std(0), 1, atol=1e-5)
    np.testing.assert_allclose(y, np.maximum(z, 0), atol=1e-5)


def test_channels_first(rng):
    if keras.config.backend() == "tensorflow":
        pytest.skip("TensorFlow has no channels_first convolution on the CPU")
    x = rng.normal(2, 3, size=(4, 3, 8, 8)).astype("float32")
    layer = WeightNormalization(layers.Conv2D(5, 3, data_format="channels_first"))
    layer.build(x.shape)
    mean, deviation = data_initialized(layer, x, channel=1)
    np.testing.assert_allclose(mean, 0, atol=1e-4)
    np.testing.assert_allclose(deviation, 1, atol=1e-4)


@pytest.mark.parametrize("as_given", [np.asarray, np.ndarray.tolist], ids=["array", "lists"])
def test_masked_positions_count_for_nothing(rng, as_given):
    x = rng.normal(size=(3, 4, 6)).astype("float32")
    mask = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]], bool)
    x[~mask] = 1e6
    layer = WeightNormalization(layers.Dense(3))
    y = array(layer(x, training=True, mask=as_given(mask)))[mask]
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(y.std(0), 1, atol=1e-5)


def test_only_the_first_training_batch(rng):
    x = rng.normal(size=(8, 6)).astype("float32")
    layer = WeightNormalization(layers.Dense(3))
    layer(x)
    names = [weight.name for weight in layer.weights]
    assert names == ["g", "g_offset", "bias_offset", "initialized", "kernel", "bias"]
    assert not array(layer.weights[3])
    layer(x, training=True)
    assert array(layer.weights[3])
    first = layer.get_weights()
    layer(5 + 3 * x, training=True)
    for old, new in zip(first, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("batch", ["one example", "constant", "empty", "NaN"])
def test_a_batch_that_does_not_vary_sets_nothing(rng, batch):
    x = rng.normal(size=(8, 6)).astype("float32")
    other = {
        "one example": x[:1],
        "constant": np.full_like(x, 7.3),
        "empty": x[:0],
        "NaN": x * np.nan,
    }[batch]
    layer = WeightNormalization(layers.Dense(3))
    layer.build(x.shape)
    before = layer.get_weights()
    layer(other, training=True)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    mean, deviation = data_initialized(layer, x)
    np.testing.assert_allclose(mean, 0, atol=1e-5)
    np.testing.assert_allclose(deviation, 1, atol=1e-5)


@pytest.mark.parametrize("name", OTHERS)
def test_layers_without_data_initialization(name):
    layer = WeightNormalization(make(name))
    x = inputs_of(name)
    before = array(layer(x))
    np.testing.assert_allclose(array(layer(x, training=True)), before, atol=1e-6)
    assert "initialized" not in [weight.name for weight in layer.weights]


def test_fit_initializes_on_every_backend(rng):
    """`fit` on JAX keeps only what is assigned to variables that do not train."""
    x = rng.normal(3, 2, size=(64, 6)).astype("float32")
    layer = WeightNormalization(layers.Dense(3))
    model = keras.Sequential([keras.Input((6,)), layer])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    model.fit(x, np.zeros((64, 3)), batch_size=16, shuffle=False, verbose=0)
    y = model.predict(x[:16], verbose=0)
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(y.std(0), 1, atol=1e-4)


def test_offsets_train_as_if_they_were_in_g_and_the_bias(rng):
    x = rng.normal(3, 2, size=(16, 6)).astype("float32")
    y = rng.normal(size=(16, 3)).astype("float32")
    one, other = (WeightNormalization(layers.Dense(3), data_init=k) for k in (True, False))
    one(x, training=True)
    other.build(x.shape)
    g, g_offset, bias_offset, _, kernel, bias = one.get_weights()
    other.set_weights([g + g_offset, kernel, bias + bias_offset])
    models = [keras.Sequential([keras.Input((6,)), layer]) for layer in (one, other)]
    for model in models:
        model.compile(keras.optimizers.Adam(0.1), "mse", run_eagerly=True)
        model.fit(x, y, epochs=5, shuffle=False, verbose=0)
    found, expected = (array(model(x)) for model in models)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.abs(array(one.g) - g).max() > 0.1


def test_called_twice_in_one_step(rng):
    """The second call must not write over what the first one's gradient needs."""
    layer = WeightNormalization(layers.Dense(3))
    a, b = keras.Input((6,)), keras.Input((6,))
    model = keras.Model([a, b], layers.Add()([layer(a), layer(b)]))
    model.compile("sgd", "mse")
    x = rng.normal(size=(8, 6)).astype("float32")
    assert np.isfinite(model.train_on_batch([x, 2 * x], np.zeros((8, 3))))


@pytest.mark.parametrize("name", ["SeparableConv2D", "Embedding", "LSTM"])
def test_gradient_of_g(name, rng):
    """∂L/∂g = Σ ∂L/∂kernel · v/‖v‖ and the radial part of v has no gradient."""
    layer = WeightNormalization(make(name), data_init=False)
    x = inputs_of(name)
    weights = rng.normal(size=layer(x).shape).astype("float32")
    g = layer.g if isinstance(layer.g, tuple) else (layer.g,)
    variables = [parameter.variable(layer.layer) for parameter in layer.kernel_parameters]
    for parameter, gain, kernel in zip(layer.kernel_parameters, g, variables, strict=True):
        v = array(kernel).astype("float64")
        axes = tuple(a for a in range(v.ndim) if a - v.ndim not in parameter.outputs)
        of_kernel = gradient_by(layer, kernel, x, weights)
        radial = np.abs((of_kernel * v).sum(axes))
        assert (radial <= 1e-4 * (np.abs(of_kernel * v).sum(axes) + 1e-3)).all()
        of_plain = gradient_by(layer.layer, kernel, x, weights)
        expected = (of_plain * v).sum(axes) / np.sqrt((v**2).sum(axes))
        found = gradient_by(layer, gain, x, weights)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_equals_torch(rng):
    torch = pytest.importorskip("torch")
    v, g = rng.normal(size=(3, 3, 4, 6)), rng.normal(size=6)
    x = rng.normal(size=(2, 5, 5, 4)).astype("float32")
    layer = WeightNormalization(layers.Conv2D(6, 3, use_bias=False), data_init=False)
    layer.build(x.shape)
    layer.set_weights([g, v])
    module = torch.nn.utils.parametrizations.weight_norm(torch.nn.Conv2d(4, 6, 3, bias=False))
    lengths, directions = module.parametrizations.weight.parameters()
    with torch.no_grad():
        lengths.copy_(torch.tensor(g).reshape(-1, 1, 1, 1))
        directions.copy_(torch.tensor(v.transpose(3, 2, 0, 1)))
        expected = module(torch.tensor(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(array(layer(x)), expected, atol=1e-4)


@TF_ONLY
def test_replicas_agree(rng):
    import tensorflow as tf

    strategy = two_replicas()
    with strategy.scope():
        layer = WeightNormalization(layers.Dense(4))
        layer.build((None, 6))
    parts = [rng.normal(size=(n, 6)).astype("float32") for n in (5, 3)]
    values = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(parts[context.replica_id_in_sync_group])
    )
    strategy.run(tf.function(lambda x: layer(x, training=True)), args=[values])
    for variable in layer.weights:
        first, second = (copy.numpy() for copy in variable.value.values)
        np.testing.assert_array_equal(first, second)
    y = array(layer(parts[0]))
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(y.std(0), 1, atol=1e-5)
