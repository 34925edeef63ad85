"""TensorFlow Addons' GN, IN, FRN, TLU and layer-normalized LSTM."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_addons as tfa
from golden_files import check, differentiate

GROUP, INSTANCE = tfa.layers.GroupNormalization, tfa.layers.InstanceNormalization
FRN, TLU = tfa.layers.FilterResponseNormalization, tfa.layers.TLU


def recurrent(**settings):
    cell = tfa.rnn.LayerNormLSTMCell(5, **settings)
    return tf.keras.layers.RNN(cell, return_sequences=True, name="rnn")


CASES = {
    "group_last": (GROUP, {"groups": 4}, (2, 5, 3, 8)),
    "group_first": (GROUP, {"groups": 2, "axis": 1}, (2, 8, 5, 3)),
    "group_one": (GROUP, {"groups": 1, "epsilon": 1e-5}, (3, 7, 6)),
    "group_of_two_axes": (GROUP, {"groups": 4}, (4, 8)),
    "group_volume": (GROUP, {"groups": 3}, (2, 2, 3, 4, 6)),
    "instance_last": (INSTANCE, {}, (2, 5, 3, 8)),
    "instance_first": (INSTANCE, {"axis": 1, "epsilon": 1e-5}, (2, 8, 5, 3)),
    "frn": (FRN, {}, (2, 5, 3, 8)),
    "frn_epsilon": (FRN, {"epsilon": 0.1}, (2, 4, 4, 3)),
    "frn_learned": (FRN, {"learned_epsilon": True}, (2, 5, 3, 8)),
    "tlu": (TLU, {}, (2, 5, 3, 8)),
    "tlu_affine": (TLU, {"affine": True}, (2, 6, 8)),
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
    layer.set_weights([value.astype("float32") for value in values])
    return differentiate(layer, x, layer.trainable_variables, random)


@pytest.mark.parametrize("name", CASES)
def test_golden_file_is_what_addons_computes(name):
    check(name, compute(*CASES[name]))
