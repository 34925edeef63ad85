"""TensorFlow Addons' own results, from the files that `make test-addons` checks.

Where TFA differs from the paper: its TLU has a threshold a position, for images of one size; the
paper and ours one a channel. Its LSTM carries the normalized state; Ba et al. carry the state
before its normalization, which is ours with `normalize_carry=False`. Its SpectralNormalization
overwrites the kernel, so that no gradient of the kernel can be compared.
"""

import pathlib

import numpy as np
import pytest
from gradients import gradient, output_and_gradients
from keras import layers, ops

from kerasnorm import normalization as kn

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"


def recurrent(**settings):
    return layers.RNN(kn.LayerNormLSTMCell(5, **settings), return_sequences=True)


def weight(layer):
    return kn.WeightNormalization(layer, data_init=False)


def conv_stride():
    return layers.Conv1D(5, 2, strides=2, padding="same")


CASES = {
    "group_last": lambda: kn.GroupNormalization(groups=4),
    "group_first": lambda: kn.GroupNormalization(groups=2, axis=1),
    "group_one": lambda: kn.GroupNormalization(groups=1, epsilon=1e-5),
    "group_of_two_axes": lambda: kn.GroupNormalization(groups=4),
    "group_volume": lambda: kn.GroupNormalization(groups=3),
    "instance_last": kn.InstanceNormalization,
    "instance_first": lambda: kn.InstanceNormalization(axis=1, epsilon=1e-5),
    "frn": kn.FilterResponseNormalization,
    "frn_epsilon": lambda: kn.FilterResponseNormalization(epsilon=0.1),
    "frn_learned": lambda: kn.FilterResponseNormalization(learned_epsilon=True),
    "tlu": kn.TLU,
    "tlu_affine": lambda: kn.TLU(affine=True),
    "lstm": recurrent,
    "lstm_no_bias": lambda: recurrent(use_bias=False, norm_epsilon=0.1),
    "lstm_activations": lambda: recurrent(activation="softsign", recurrent_activation="tanh"),
    "weight_dense": lambda: weight(layers.Dense(4, activation="tanh")),
    "weight_conv": lambda: weight(layers.Conv2D(4, 3)),
    "weight_conv_stride": lambda: weight(conv_stride()),
    "weight_no_bias": lambda: weight(layers.Dense(3, use_bias=False)),
}
SPECTRAL = {
    "spectral_dense": lambda: kn.SpectralNormalization(layers.Dense(4, activation="tanh")),
    "spectral_conv": lambda: kn.SpectralNormalization(layers.Conv2D(4, 3), 2),
    "spectral_no_bias": lambda: kn.SpectralNormalization(layers.Dense(3, use_bias=False), 3),
}


def load(name):
    """Returns the case's arrays, and its weights and their gradients in our order and shapes."""
    with np.load(GOLDEN / f"tfa_{name}.npz") as file:
        golden = dict(file)
    count = sum(key.startswith("w") and key[1:].isdigit() for key in golden)
    values, slopes = ([golden.get(f"{d}{k}") for k in range(count)] for d in ("w", "dw"))
    if name.startswith("tlu"):
        values = [value.reshape(-1, value.shape[-1])[0] for value in values]
        slopes = [slope.reshape(-1, slope.shape[-1]).sum(0) for slope in slopes]
    if name.startswith("frn"):
        values, slopes = ([array.reshape(-1) for array in part] for part in (values, slopes))
    if name == "frn_learned":  # ours comes last
        values, slopes = ([*part[1:], part[0]] for part in (values, slopes))
    return golden, values, slopes


def built(layer, shape, values):
    layer.build(shape)
    layer.set_weights(values)
    return layer


def input_gradient(layer, golden, **kwargs):
    call = lambda x: ops.sum(ops.multiply(layer(x, **kwargs), golden["weights"]))  # noqa: E731
    return gradient(call, golden["x"])


def test_every_golden_file_is_read():
    names = {path.stem.removeprefix("tfa_") for path in GOLDEN.glob("*.npz")}
    assert names == CASES.keys() | SPECTRAL.keys()


@pytest.mark.parametrize("name", CASES)
def test_forward_and_gradients(name):
    golden, values, slopes = load(name)
    layer = built(CASES[name](), golden["x"].shape, values)
    y, dx, found = output_and_gradients(layer, golden["x"], golden["weights"])
    np.testing.assert_allclose(y, golden["y"], atol=2e-5)
    np.testing.assert_allclose(dx, golden["dx"], rtol=1e-3, atol=1e-4)
    for slope, expected in zip(found, slopes, strict=True):
        np.testing.assert_allclose(slope, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("weight_")])
def test_removed_weight_normalization(name):
    golden, values, _ = load(name)
    layer = built(CASES[name](), golden["x"].shape, values)
    kernel = ops.convert_to_numpy(layer.remove().kernel)
    np.testing.assert_allclose(kernel, golden["kernel"], atol=1e-6)


@pytest.mark.parametrize("name", SPECTRAL)
def test_training_step_of_spectral_normalization(name):
    golden, values, _ = load(name)
    layer = built(SPECTRAL[name](), golden["x"].shape, values)
    (normalized,) = layer.substitutes(training=False).values()
    np.testing.assert_allclose(ops.convert_to_numpy(normalized), golden["kernel"], atol=1e-5)
    y = ops.convert_to_numpy(layer(golden["x"], training=True))
    np.testing.assert_allclose(y, golden["y"], atol=2e-5)
    np.testing.assert_allclose(ops.convert_to_numpy(layer.weights[0]), golden["u"], atol=1e-5)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.layer.kernel), values[1])
    layer.set_weights(values)
    dx = input_gradient(layer, golden, training=True)
    np.testing.assert_allclose(dx, golden["dx"], rtol=1e-3, atol=1e-4)


def test_the_papers_lstm_is_another():
    golden, values, _ = load("lstm")
    layer = built(recurrent(normalize_carry=False), golden["x"].shape, values)
    y = ops.convert_to_numpy(layer(golden["x"]))
    np.testing.assert_allclose(y[:, 0], golden["y"][:, 0], atol=2e-5)  # nothing is carried yet
    assert np.abs(y - golden["y"]).max() > 1e-2
