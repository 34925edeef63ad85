"""TensorFlow Addons' WeightNormalization and SpectralNormalization."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_addons as tfa
from golden_files import check, differentiate

LAYERS = tf.keras.layers
WEIGHT = {
    "dense": (lambda: LAYERS.Dense(4, activation="tanh"), (5, 3)),
    "conv": (lambda: LAYERS.Conv2D(4, 3), (2, 5, 6, 3)),
    "conv_stride": (lambda: LAYERS.Conv1D(5, 2, strides=2, padding="same"), (2, 7, 3)),
    "no_bias": (lambda: LAYERS.Dense(3, use_bias=False), (2, 4, 5)),
}
SPECTRAL = {
    "dense": (lambda: LAYERS.Dense(4, activation="tanh"), (5, 3), 1),
    "conv": (lambda: LAYERS.Conv2D(4, 3), (2, 5, 6, 3), 2),
    "no_bias": (lambda: LAYERS.Dense(3, use_bias=False), (2, 4, 5), 3),
}


@pytest.mark.parametrize("name", WEIGHT)
def test_weight_normalization(name):
    layer_fn, shape = WEIGHT[name]
    random = np.random.default_rng(0)
    x = random.normal(size=shape).astype("float32")
    layer = tfa.layers.WeightNormalization(layer_fn(), data_init=False)
    layer(x)  # sets g to the length of v, once
    variables = [layer.g, layer.v]  # `remove` gives v away
    if layer.layer.use_bias:
        variables.append(layer.layer.bias)
    for variable in variables:
        variable.assign(random.normal(size=variable.shape))
    found = differentiate(layer, x, variables, random)
    check(f"weight_{name}", {**found, "kernel": np.asarray(layer.remove().kernel)})


@pytest.mark.parametrize("name", SPECTRAL)
def test_spectral_normalization(name):
    """A training step from a given u: TFA overwrites the kernel, and no gradient reaches it."""
    layer_fn, shape, power_iterations = SPECTRAL[name]
    random = np.random.default_rng(0)
    x = random.normal(size=shape).astype("float32")
    layer = tfa.layers.SpectralNormalization(layer_fn(), power_iterations)
    layer.build(shape)
    variables = [layer.u, layer.w]
    if layer.layer.use_bias:
        variables.append(layer.layer.bias)
    for variable in variables:
        variable.assign(random.normal(size=variable.shape))
    before = {f"w{k}": np.array(variable) for k, variable in enumerate(variables)}
    found = differentiate(layer, x, [], random, training=True)
    after = {"u": np.asarray(layer.u), "kernel": np.asarray(layer.w)}
    check(f"spectral_{name}", {**found, **before, **after})
