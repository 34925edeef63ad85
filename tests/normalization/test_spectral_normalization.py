"""SpectralNormalization beyond what `test_kernel_wrappers.py` checks of all wrappers."""

import keras
import numpy as np
import pytest
from gradients import second_gradient
from keras import layers, ops
from normalization.kernel_layers import (
    KINDS,
    LAYERS,
    array,
    gradient_by,
    inputs_of,
    kernels_of,
    make,
    matrix,
)
from replicas import two_replicas

from kerasnorm.normalization import SpectralNormalization

TF_ONLY = pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="tf.distribute")


def sigmas(layer, name):
    """Returns the largest singular value of each kernel that the layer computes with."""
    plain = layer.remove()
    return [np.linalg.norm(matrix(array(k), outputs), 2) for k, outputs in kernels_of(plain, name)]


@pytest.mark.parametrize("name", [*KINDS, "DepthwiseConv2D"])
def test_starts_with_a_good_estimate(name):
    """As PyTorch does, it iterates before the first step; Keras starts from noise."""
    layer = SpectralNormalization(make(name))
    layer.build(LAYERS[name][1])
    np.testing.assert_allclose(sigmas(layer, name), 1, atol=0.05)


@pytest.mark.parametrize("name", ["SeparableConv2D", "LSTM"])
def test_sigma_is_one_after_fit(name):
    """Keras leaves it at 1.8."""
    layer = SpectralNormalization(make(name))
    x = inputs_of(name)
    model = keras.Sequential([keras.Input(x.shape[1:]), layer])
    model.compile(keras.optimizers.Adam(0.01), "mse")
    y = 3 * np.ones((len(x), *model.output_shape[1:]), "float32")
    start = [array(kernel) for kernel, _ in kernels_of(layer, name)]
    steps = (np.concatenate([part] * 50) for part in (x, y))  # an epoch costs more than a step
    model.fit(*steps, epochs=2, batch_size=len(x), shuffle=False, verbose=0)
    assert all(
        np.abs(old - array(kernel)).max() > 0.05
        for old, (kernel, _) in zip(start, kernels_of(layer, name), strict=True)
    )
    # the estimate follows a kernel that moves; Keras leaves σ at 1.8
    np.testing.assert_allclose(sigmas(layer, name), 1, atol=0.05)


def test_each_training_call_makes_power_iterations(rng):
    layer = SpectralNormalization(layers.Dense(4), power_iterations=2)
    x = rng.normal(size=(3, 6)).astype("float32")
    layer.build(x.shape)
    u, kernel = rng.normal(size=(1, 4)), rng.normal(size=(6, 4))
    layer.set_weights([u, kernel, np.zeros(4)])
    for _ in range(3):
        y = array(layer(x, training=True))
        for _ in range(2):
            v = u @ kernel.T / np.linalg.norm(u @ kernel.T)
            u = v @ kernel / np.linalg.norm(v @ kernel)
        np.testing.assert_allclose(array(layer.weights[0]), u, atol=1e-5)
        np.testing.assert_allclose(y, x @ (kernel / (v @ kernel @ u.T)), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(array(layer.layer.kernel), kernel.astype("float32"))


@pytest.mark.parametrize("name", ["Dense", "Conv2D", "Conv2DTranspose", "Embedding", "LSTM"])
def test_no_call_overwrites_the_kernel(name):
    """Keras assigns the normalized kernel in every training call."""
    layer = SpectralNormalization(make(name))
    x = inputs_of(name)
    layer.build(x.shape)
    for kernel, _ in kernels_of(layer, name):
        kernel.assign(3 * array(kernel))
    before = layer.layer.get_weights()
    for training in (True, False, True):
        layer(x, training=training)
        for old, new in zip(before, layer.layer.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)


def test_gradient_points_where_the_true_one_does(rng):
    """∂Σ upstream·xW/σ(W) / ∂W by NumPy's SVD; the cosine of Keras' with it is 0.96."""
    x, upstream = (rng.normal(size=shape).astype("float32") for shape in ((8, 6), (8, 4)))
    kernel = rng.normal(size=(6, 4))
    left, values, right = np.linalg.svd(kernel)
    direct = x.T.astype("float64") @ upstream / values[0]
    radial = (direct * kernel).sum() / values[0] * np.outer(left[:, 0], right[0])
    layer = SpectralNormalization(layers.Dense(4, use_bias=False), power_iterations=30)
    layer.build(x.shape)
    layer.layer.kernel.assign(kernel)
    found = gradient_by(layer, layer.layer.kernel, x, upstream, training=True)
    np.testing.assert_allclose(found, direct - radial, atol=1e-4)
    assert abs((found * kernel).sum()) < 1e-3  # the scale of the kernel does not matter
    assert np.abs(radial).max() > 0.1


def test_matrix_of_a_transposed_convolution(rng):
    """Its kernel is (H, W, outputs, inputs); Keras takes the inputs for the columns."""
    kernel = rng.normal(size=(3, 3, 5, 2))
    sigma = np.linalg.norm(kernel.transpose(0, 1, 3, 2).reshape(-1, 5), 2)
    assert abs(sigma / np.linalg.norm(kernel.reshape(-1, 2), 2) - 1) > 0.05
    layer = SpectralNormalization(layers.Conv2DTranspose(5, 3), power_iterations=100)
    layer.build((None, 4, 4, 2))
    layer.layer.kernel.assign(kernel)
    np.testing.assert_allclose(array(layer.remove().kernel), kernel / sigma, atol=1e-5)


def test_embedding_gives_floats():
    """Keras casts its output to the dtype of the indices: all zeros."""
    x = np.array([[0, 1, 4]], "int32")
    layer = SpectralNormalization(layers.Embedding(5, 3))
    y = layer(x)
    assert keras.backend.standardize_dtype(y.dtype) == "float32"
    table = array(layer.remove().embeddings)
    assert np.abs(table).min() > 0
    np.testing.assert_allclose(array(y), table[x], atol=1e-7)
    model = keras.Sequential([keras.Input((3,), dtype="int32"), layer])
    assert model.outputs[0].dtype == "float32"


def test_weights_in_order():
    layer = SpectralNormalization(layers.SeparableConv2D(5, 3))
    layer.build((None, 8, 8, 2))
    names = ["depthwise_vector_u", "pointwise_vector_u"]
    names += ["depthwise_kernel", "pointwise_kernel", "bias"]
    assert [weight.name for weight in layer.weights] == names
    assert [weight.name for weight in layer.trainable_weights] == names[2:]
    layer = SpectralNormalization(layers.Dense(5))
    layer.build((None, 3))
    assert [tuple(w.shape) for w in layer.weights] == [(1, 5), (3, 5), (5,)]


def test_gradient_penalty(rng):
    """The second derivative that critics are trained with."""
    x = rng.normal(size=(3, 6)).astype("float32")
    layer = SpectralNormalization(layers.Dense(4, activation="tanh"))
    layer(x)
    found = second_gradient(lambda x: ops.sum(layer(x)), x)
    plain = layer.remove()
    np.testing.assert_allclose(found, second_gradient(lambda x: ops.sum(plain(x)), x), atol=1e-4)


@pytest.mark.parametrize("value", [0, -1, 1.5, "2", None, True])
def test_wrong_power_iterations(value):
    with pytest.raises(ValueError, match="power_iterations"):
        SpectralNormalization(layers.Dense(2), power_iterations=value)


@pytest.mark.parametrize("shape", [(5, 7), (3, 3, 4, 6)], ids=str)
def test_equals_torch(rng, shape):
    """Forward and gradient of PyTorch's own parametrization, from the same start."""
    torch = pytest.importorskip("torch")
    kernel = rng.normal(size=shape)
    if len(shape) == 2:
        layer, x = layers.Dense(shape[-1]), rng.normal(size=(2, shape[0])).astype("float32")
        module = torch.nn.Linear(*shape)
    else:
        layer, x = layers.Conv2D(shape[-1], 3), rng.normal(size=(2, 5, 5, 4)).astype("float32")
        module = torch.nn.Conv2d(4, 6, 3)
    order = np.roll(np.arange(len(shape)), 1) if len(shape) == 2 else (3, 2, 0, 1)
    layer = SpectralNormalization(layer, power_iterations=30)
    layer.build(x.shape)
    layer.layer.kernel.assign(kernel)
    with torch.no_grad():
        module.weight.copy_(torch.tensor(kernel.transpose(order)))
    module = torch.nn.utils.parametrizations.spectral_norm(module, n_power_iterations=30)
    y = array(layer(x, training=True))
    weights = rng.normal(size=y.shape).astype("float32")
    inputs, upstream = torch.tensor(x), torch.tensor(weights)
    if len(shape) > 2:
        inputs, upstream = inputs.permute(0, 3, 1, 2), upstream.permute(0, 3, 1, 2)
    with torch.enable_grad():
        outputs = module(inputs)
        raw = module.parametrizations.weight.original
        (gradient,) = torch.autograd.grad((outputs * upstream).sum(), raw)
        outputs = outputs - module.bias.reshape(-1, *[1] * (len(shape) - 2))
    if len(shape) > 2:
        outputs = outputs.permute(0, 2, 3, 1)
    np.testing.assert_allclose(y, outputs.detach().numpy(), atol=1e-4)
    found = gradient_by(layer, layer.layer.kernel, x, weights)
    expected = gradient.numpy().transpose(np.argsort(order))
    np.testing.assert_allclose(found, expected, atol=1e-3)


@TF_ONLY
@pytest.mark.parametrize("sizes", [(2, 2), (4, 1), (4, 0)], ids=str)
def test_replicas_agree(rng, sizes):
    import tensorflow as tf

    strategy = two_replicas()
    with strategy.scope():
        layer = SpectralNormalization(layers.Dense(4))
        layer.build((None, 6))
    before = array(layer.weights[0])
    layer.layer.kernel.assign(rng.normal(size=(6, 4)))
    x = rng.normal(size=(sum(sizes), 6)).astype("float32")
    parts = np.split(x, [sizes[0]])
    values = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(parts[context.replica_id_in_sync_group])
    )
    y = strategy.run(tf.function(lambda x: layer(x, training=True)), args=[values])
    first, second = (copy.numpy() for copy in layer.weights[0].value.values)
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - before).max() > 0
    kernel = array(layer.remove().kernel)
    for part, output in zip(parts, strategy.experimental_local_results(y), strict=True):
        assert np.isfinite(output.numpy()).all() and len(output) == len(part)
    assert np.linalg.norm(kernel, 2) < 2
