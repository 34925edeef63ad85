"""Activations that Keras 2 computed otherwise are public, and Keras 3's are told of."""

import warnings

import keras
import numpy as np
import pytest
from backends import once
from keras import layers

from kerasnorm import migrate


def test_they_are_keras_2s():
    x = np.array([-4.0, -1.0, 0.0, 1.0, 4.0], "float32")
    y = keras.ops.convert_to_numpy(migrate.hard_sigmoid_of_keras_2(x))
    np.testing.assert_allclose(y, np.clip(0.2 * x + 0.5, 0, 1), atol=1e-6)
    y = keras.ops.convert_to_numpy(migrate.gelu_tanh(x))
    inner = np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)
    np.testing.assert_allclose(y, 0.5 * x * (1 + np.tanh(inner)), atol=1e-6)


def rebuilt(activation, recurrent):
    stack = [layers.LSTM(3, recurrent_activation=recurrent, name="steps")]
    stack.append(layers.Dense(2, activation=activation, name="gate"))
    return keras.Sequential([keras.Input((4, 2)), *stack])


@once
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_a_rebuilt_model_is_told_of_keras_3s(tmp_path):
    path = tmp_path / "old.h5"
    rebuilt("linear", "sigmoid").save(path)
    with pytest.warns(UserWarning, match=r"'steps', 'gate' have.*_of_keras_2") as warned:
        migrate.load_tfa_weights(rebuilt("hard_sigmoid", "hard_sigmoid"), path)
    assert len(warned) == 1 and warned[0].filename == __file__
    own = migrate.hard_sigmoid_of_keras_2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        migrate.load_tfa_weights(rebuilt(own, own), path)
