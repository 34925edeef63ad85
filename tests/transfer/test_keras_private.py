"""Canary: what `transfer._keras` takes from Keras is there and means what it meant."""

import keras
import numpy as np
import pytest

from kerasnorm.transfer import _keras

pytestmark = pytest.mark.keras_fault


def built(optimizer):
    variables = [keras.Variable([1.0]), keras.Variable([1.0])]
    optimizer.build(variables)
    return optimizer, variables


@pytest.mark.parametrize("weight_decay", [0.5, 0.1])
def test_weights_decay_at_a_rate_of_their_own(weight_decay):
    optimizer, variables = built(keras.optimizers.SGD(0.2, weight_decay=weight_decay))
    factors = [keras.Variable(1.0), keras.Variable(0.1)]
    _keras.scale_weight_decay(
        optimizer, lambda variable: factors[_keras.index_of(optimizer, variable)]
    )
    optimizer.apply([keras.ops.zeros((1,))] * 2)
    values = [float(variable.numpy()[0]) for variable in variables]
    expected = [1 - 0.2 * weight_decay, 1 - 0.02 * weight_decay]
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    assert float(optimizer._get_current_learning_rate()) == pytest.approx(0.2)


def test_an_optimizers_own_variables():
    optimizer, _ = built(keras.optimizers.SGD(0.1, momentum=0.9))
    own = _keras.own_variables(optimizer)
    assert [v.name for v in own][:2] == ["iteration", "learning_rate"]
    assert all(a is b for a, b in zip(own, optimizer.variables, strict=True))


def test_averages_that_callbacks_swap_in():
    inner, variables = built(keras.optimizers.SGD(0.1, use_ema=True))

    class Outer(_keras.AveragesOfInner):
        optimizer = inner

    averages = Outer()._model_variables_moving_average
    assert [tuple(a.shape) for a in averages] == [tuple(v.shape) for v in variables]
    names = keras.callbacks.SwapEMAWeights._tf_swap_variables.__code__.co_names
    assert "_model_variables_moving_average" in names
