"""What TensorFlow Addons computes, kept in small files that the main tests read everywhere.

`make test-addons` checks that the files are what TFA says; with REGENERATE=1 it writes them.
"""

import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_addons as tfa

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
GROUP, INSTANCE = tfa.layers.GroupNormalization, tfa.layers.InstanceNormalization
CASES = {
    "group_last": (GROUP, {"groups": 4}, (2, 5, 3, 8)),
    "group_first": (GROUP, {"groups": 2, "axis": 1}, (2, 8, 5, 3)),
    "group_one": (GROUP, {"groups": 1, "epsilon": 1e-5}, (3, 7, 6)),
    "group_of_two_axes": (GROUP, {"groups": 4}, (4, 8)),
    "group_volume": (GROUP, {"groups": 3}, (2, 2, 3, 4, 6)),
    "instance_last": (INSTANCE, {}, (2, 5, 3, 8)),
    "instance_first": (INSTANCE, {"axis": 1, "epsilon": 1e-5}, (2, 8, 5, 3)),
}


def compute(layer_class, settings, shape):
    random = np.random.default_rng(0)
    x, weights = (random.normal(1, 2, size=shape).astype("float32") for _ in range(2))
    layer = layer_class(**settings)
    layer.build(shape)
    gamma, beta = (random.normal(size=layer.gamma.shape).astype("float32") for _ in range(2))
    layer.set_weights([gamma, beta])
    inputs = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        y = layer(inputs)
        total = tf.reduce_sum(y * weights)
    dx, dgamma, dbeta = tape.gradient(total, [inputs, layer.gamma, layer.beta])
    names = ("x", "weights", "gamma", "beta", "y", "dx", "dgamma", "dbeta")
    values = (x, weights, gamma, beta, y, dx, dgamma, dbeta)
    return {name: np.asarray(value) for name, value in zip(names, values, strict=True)}


@pytest.mark.parametrize("name", CASES)
def test_golden_file_is_what_addons_computes(name):
    file = GOLDEN / f"addons_{name}.npz"
    found = compute(*CASES[name])
    if os.environ.get("REGENERATE"):
        np.savez_compressed(file, **found)
    with np.load(file) as golden:
        assert {*golden} == {*found}
        for key in golden:
            np.testing.assert_allclose(found[key], golden[key], rtol=1e-5, atol=1e-5)
