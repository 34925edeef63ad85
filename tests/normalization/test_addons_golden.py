"""TensorFlow Addons' own results, from the files that `make test-addons` checks."""

import pathlib

import keras
import numpy as np
import pytest
from gradients import gradient
from keras import ops

from kerasnorm.normalization import GroupNormalization, InstanceNormalization

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
CASES = {
    "group_last": GroupNormalization(groups=4),
    "group_first": GroupNormalization(groups=2, axis=1),
    "group_one": GroupNormalization(groups=1, epsilon=1e-5),
    "group_of_two_axes": GroupNormalization(groups=4),
    "group_volume": GroupNormalization(groups=3),
    "instance_last": InstanceNormalization(),
    "instance_first": InstanceNormalization(axis=1, epsilon=1e-5),
}


def test_every_golden_file_is_read():
    assert {path.stem.removeprefix("addons_") for path in GOLDEN.glob("addons_*")} == CASES.keys()


@pytest.mark.parametrize("name", CASES)
def test_forward_and_gradient(name):
    golden = np.load(GOLDEN / f"addons_{name}.npz")
    layer = type(CASES[name]).from_config(CASES[name].get_config())
    layer.build(golden["x"].shape)
    layer.set_weights([golden["gamma"], golden["beta"]])
    np.testing.assert_allclose(ops.convert_to_numpy(layer(golden["x"])), golden["y"], atol=1e-5)
    dx = gradient(lambda x: ops.sum(ops.multiply(layer(x), golden["weights"])), golden["x"])
    np.testing.assert_allclose(dx, golden["dx"], atol=1e-4)


@pytest.mark.parametrize("name", CASES)
def test_gradients_of_gamma_and_beta(name):
    golden = np.load(GOLDEN / f"addons_{name}.npz")
    layer = type(CASES[name]).from_config(CASES[name].get_config())
    model = keras.Sequential([keras.Input(golden["x"].shape[1:]), layer])
    layer.set_weights([golden["gamma"], golden["beta"]])
    # a step in TensorFlow's graph mode may read a weight that it has already moved
    loss = lambda y, p: ops.sum(y * p)  # noqa: E731
    model.compile(keras.optimizers.SGD(1.0), loss, run_eagerly=True)
    model.train_on_batch(golden["x"], golden["weights"])
    for weight, before in zip(layer.weights, ("gamma", "beta"), strict=True):
        moved = golden[before] - ops.convert_to_numpy(weight)
        np.testing.assert_allclose(moved, golden[f"d{before}"], rtol=1e-3, atol=1e-3)
