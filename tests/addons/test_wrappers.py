"""What TensorFlow Addons' WeightNormalization computes, kept for the main tests.

`make test-addons` checks that the files are what TFA says; with REGENERATE=1 it writes them.
"""

import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_addons as tfa

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
LAYERS = tf.keras.layers
CASES = {
    "dense": (lambda: LAYERS.Dense(4, activation="tanh"), (5, 3)),
    "conv": (lambda: LAYERS.Conv2D(4, 3), (2, 5, 6, 3)),
    "conv_stride": (lambda: LAYERS.Conv1D(5, 2, strides=2, padding="same"), (2, 7, 3)),
    "no_bias": (lambda: LAYERS.Dense(3, use_bias=False), (2, 4, 5)),
}


def compute(layer_fn, shape):
    random = np.random.default_rng(0)
    x = random.normal(size=shape).astype("float32")
    layer = tfa.layers.WeightNormalization(layer_fn(), data_init=False)
    layer(x)  # sets g to the length of v, once
    v = layer.v
    variables = {"g": layer.g, "v": v}
    if layer.layer.use_bias:
        variables["bias"] = layer.layer.bias
    for variable in variables.values():
        variable.assign(random.normal(size=variable.shape))
    inputs = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        y = layer(inputs)
        weights = random.normal(size=y.shape).astype("float32")
        total = tf.reduce_sum(y * weights)
    gradients = tape.gradient(total, {"x": inputs, **variables})
    found = {"x": x, "weights": weights, "y": y, **variables}
    found |= {f"d{name}": gradient for name, gradient in gradients.items()}
    found = {name: np.asarray(value) for name, value in found.items()}
    return {**found, "kernel": np.asarray(layer.remove().kernel)}


@pytest.mark.parametrize("name", CASES)
def test_golden_file_is_what_addons_computes(name):
    file = GOLDEN / f"tfa_weight_{name}.npz"
    found = compute(*CASES[name])
    if os.environ.get("REGENERATE"):
        np.savez_compressed(file, **found)
    with np.load(file) as golden:
        assert {*golden} == {*found}
        for key in golden:
            np.testing.assert_allclose(found[key], golden[key], rtol=1e-5, atol=1e-5)
