"""TensorFlow Addons' FRN, TLU and layer-normalized LSTM, in files that the main tests read.

`make test-addons` checks that the files are what TFA says; with REGENERATE=1 it writes them.
"""

import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_addons as tfa

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
FRN, CELL = tfa.layers.FilterResponseNormalization, tfa.rnn.LayerNormLSTMCell


def recurrent(**settings):
    return tf.keras.layers.RNN(CELL(5, **settings), return_sequences=True, name="rnn")


CASES = {
    "frn": (FRN, {}, (2, 5, 3, 8)),
    "frn_epsilon": (FRN, {"epsilon": 0.1}, (2, 4, 4, 3)),
    "frn_learned": (FRN, {"learned_epsilon": True}, (2, 5, 3, 8)),
    "tlu": (tfa.layers.TLU, {}, (2, 5, 3, 8)),
    "tlu_affine": (tfa.layers.TLU, {"affine": True}, (2, 6, 8)),
    "lstm": (recurrent, {}, (3, 6, 4)),
    "lstm_no_bias": (recurrent, {"use_bias": False, "norm_epsilon": 0.1}, (3, 6, 4)),
    "lstm_activations": (
        recurrent,
        {"activation": "softsign", "recurrent_activation": "tanh"},
        (3, 6, 4),
    ),
}


def compute(make, settings, shape):
    random = np.random.default_rng(0)
    layer = make(**settings)
    layer.build(shape)
    x = random.normal(1, 2, size=shape).astype("float32")
    values = [random.normal(size=array.shape) for array in layer.get_weights()]
    if make is not recurrent:
        # TFA shapes FRN's γ and β (1, 1, 1, C), and τ and α like an example, a number for each
        # position; in the paper they are one a channel, which is what these are made to be.
        values = [np.broadcast_to(v.reshape(-1, v.shape[-1])[0], v.shape) for v in values]
    values = [value.astype("float32") for value in values]
    layer.set_weights(values)
    inputs = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        y = layer(inputs)
        weights = random.normal(size=y.shape).astype("float32")
        total = tf.reduce_sum(y * weights)
    dx, *slopes = tape.gradient(total, [inputs, *layer.trainable_variables])
    found = {"x": x, "weights": weights, "y": y, "dx": dx}
    for k, (value, slope) in enumerate(zip(values, slopes, strict=True)):
        found |= {f"w{k}": value, f"dw{k}": slope}
    return {name: np.asarray(value) for name, value in found.items()}


@pytest.mark.parametrize("name", CASES)
def test_golden_file_is_what_addons_computes(name):
    file = GOLDEN / f"tfa_{name}.npz"
    found = compute(*CASES[name])
    if os.environ.get("REGENERATE"):
        np.savez_compressed(file, **found)
    with np.load(file) as golden:
        assert {*golden} == {*found}
        for key in golden:
            np.testing.assert_allclose(found[key], golden[key], rtol=1e-4, atol=1e-4)
