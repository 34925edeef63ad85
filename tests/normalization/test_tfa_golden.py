"""TensorFlow Addons' FRN, TLU and LSTM, from the files that `make test-addons` checks.

Where TFA differs from the paper: its TLU has a threshold a position, for images of one size; the
paper and ours one a channel. Its LSTM carries the normalized state; Ba et al. carry the state
before its normalization, which is ours with `normalize_carry=False`.
"""

import pathlib

import keras
import numpy as np
import pytest
from gradients import gradient
from keras import ops

from kerasnorm.normalization import TLU, FilterResponseNormalization, LayerNormLSTMCell

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"


def recurrent(**settings):
    return keras.layers.RNN(LayerNormLSTMCell(5, **settings), return_sequences=True)


CASES = {
    "frn": FilterResponseNormalization,
    "frn_epsilon": lambda: FilterResponseNormalization(epsilon=0.1),
    "frn_learned": lambda: FilterResponseNormalization(learned_epsilon=True),
    "tlu": TLU,
    "tlu_affine": lambda: TLU(affine=True),
    "lstm": recurrent,
    "lstm_no_bias": lambda: recurrent(use_bias=False, norm_epsilon=0.1),
    "lstm_activations": lambda: recurrent(activation="softsign", recurrent_activation="tanh"),
}
every_case = pytest.mark.parametrize("name", CASES)


def load(name):
    """Returns the case's arrays, and its weights and their gradients in our order and shapes."""
    golden = dict(np.load(GOLDEN / f"tfa_{name}.npz"))
    count = sum(key.startswith("w") and key[1:].isdigit() for key in golden)
    values, slopes = ([golden[f"{d}{k}"] for k in range(count)] for d in ("w", "dw"))
    if name.startswith("tlu"):
        values = [value.reshape(-1, value.shape[-1])[0] for value in values]
        slopes = [slope.reshape(-1, slope.shape[-1]).sum(0) for slope in slopes]
    if name.startswith("frn"):
        values, slopes = ([array.reshape(-1) for array in part] for part in (values, slopes))
    if name == "frn_learned":  # ours comes last
        values, slopes = ([*part[1:], part[0]] for part in (values, slopes))
    return golden, values, slopes


def test_every_golden_file_is_read():
    names = {path.stem.removeprefix("tfa_") for path in GOLDEN.glob("tfa_*")}
    assert {name for name in names if not name.startswith("weight_")} == CASES.keys()


@every_case
def test_forward_and_gradient(name):
    golden, values, _ = load(name)
    layer = CASES[name]()
    layer.build(golden["x"].shape)
    layer.set_weights(values)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(golden["x"])), golden["y"], atol=2e-5)
    dx = gradient(lambda x: ops.sum(ops.multiply(layer(x), golden["weights"])), golden["x"])
    np.testing.assert_allclose(dx, golden["dx"], rtol=1e-3, atol=1e-4)


@every_case
def test_gradients_of_the_weights(name):
    golden, values, slopes = load(name)
    layer = CASES[name]()
    model = keras.Sequential([keras.Input(golden["x"].shape[1:]), layer])
    layer.set_weights(values)
    # Eagerly: in graph mode, TensorFlow 2.21 may update one weight before another's gradient,
    # which depends on it, is computed.
    model.compile(keras.optimizers.SGD(1.0), loss=lambda y, p: ops.sum(y * p), run_eagerly=True)
    model.train_on_batch(golden["x"], golden["weights"])
    for weight, before, slope in zip(layer.weights, values, slopes, strict=True):
        moved = before - ops.convert_to_numpy(weight)
        np.testing.assert_allclose(moved, slope, rtol=1e-3, atol=1e-3)


def test_the_papers_lstm_is_another():
    golden, values, _ = load("lstm")
    layer = recurrent(normalize_carry=False)
    layer.build(golden["x"].shape)
    layer.set_weights(values)
    y = ops.convert_to_numpy(layer(golden["x"]))
    np.testing.assert_allclose(y[:, 0], golden["y"][:, 0], atol=2e-5)  # nothing is carried yet
    assert np.abs(y - golden["y"]).max() > 1e-2
