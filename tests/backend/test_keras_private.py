"""Canary: what `backend._keras` takes from Keras is there and means what it meant."""

import keras
import numpy as np
import pytest
from keras.src.backend import StatelessScope

from kerasnorm.backend import _keras

pytestmark = pytest.mark.keras_fault


def test_masks_go_along_with_tensors():
    x = keras.ops.ones((2, 3))
    mask = keras.ops.convert_to_tensor([True, False])
    assert _keras.get_keras_mask(x) is None
    _keras.set_keras_mask(x, mask)
    assert _keras.get_keras_mask(x) is mask
    masked = keras.layers.Masking()(np.zeros((1, 2, 3), "float32"))
    assert _keras.get_keras_mask(masked) is not None


def test_updates_are_lost_where_a_step_does_not_know_the_variable():
    known, unknown = keras.Variable(0.0), keras.Variable(0.0)
    assert not _keras.update_is_lost(known)
    with StatelessScope(state_mapping=[(known, known.value)]):
        assert not _keras.update_is_lost(known) and _keras.update_is_lost(unknown)


@pytest.mark.parametrize("name", ["Adam", "SGD", "Nadam"])
def test_optimizers_update_one_variable_after_another(name):
    optimizer = getattr(keras.optimizers, name)(0.1)
    variables = [keras.Variable([1.0, 1.0]), keras.Variable([1.0, 1.0])]
    optimizer.build(variables)
    _keras.update_one_by_one(optimizer)
    step, updated = optimizer.update_step, []

    def update_step(gradient, variable, learning_rate):
        updated.append(tuple(variable.shape))
        step(gradient, variable, learning_rate)

    optimizer.update_step = update_step
    optimizer.apply([keras.ops.ones((2,))] * 2)
    assert updated == [(2,), (2,)]
    assert all(np.all(v.numpy() < 1) for v in variables)
