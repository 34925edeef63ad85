"""The files of what TensorFlow Addons computes, which the main tests read everywhere.

`make test-addons` checks that the files are what TFA says; with REGENERATE=1 it writes them.
"""

import os
import pathlib

import numpy as np
import tensorflow as tf

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"


def differentiate(layer, x, variables, random, **kwargs):
    """Returns the layer's output, upstream weights of it, and the gradients of Σ weights·output.

    Variables and their gradients are w0, w1, … and dw0, dw1, …
    """
    inputs = tf.constant(x)
    values = [np.array(variable) for variable in variables]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        y = layer(inputs, **kwargs)
        weights = random.normal(size=y.shape).astype("float32")
        total = tf.reduce_sum(y * weights)
    dx, *slopes = tape.gradient(total, [inputs, *variables])
    found = {"x": x, "weights": weights, "y": y, "dx": dx}
    for k, (value, slope) in enumerate(zip(values, slopes, strict=True)):
        found |= {f"w{k}": value, f"dw{k}": slope}
    return {name: np.asarray(value) for name, value in found.items()}


def check(name, found):
    file = GOLDEN / f"tfa_{name}.npz"
    if os.environ.get("REGENERATE"):
        np.savez_compressed(file, **found)
    with np.load(file) as golden:
        assert {*golden} == {*found}
        for key in golden:
            np.testing.assert_allclose(found[key], golden[key], rtol=1e-4, atol=1e-4)
