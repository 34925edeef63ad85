"""What the conformance table does not ask of filter response normalization."""

import keras
import numpy as np
import oracle
import pytest
from keras import ops

from kerasnorm.normalization import FilterResponseNormalization


def array(tensor):
    return ops.convert_to_numpy(tensor)


@pytest.mark.parametrize("shape", [(2, 1, 6), (2, 1, 1, 6), (2, 6), (None, 1, 1, 6)], ids=str)
def test_one_position_is_refused_unless_epsilon_is_learned(shape):
    """With ε of 1e-6 the layer is the sign of x; the paper learns ε for such layers."""
    with pytest.raises(ValueError, match=r"sign of x.*learned_epsilon"):
        FilterResponseNormalization().build(shape)
    layer = FilterResponseNormalization(learned_epsilon=True)
    layer.build(shape)
    assert array(layer.epsilon_weight).tolist() == pytest.approx([1e-4])


def test_one_position_of_a_varying_size_is_refused_too(rng):
    layer = FilterResponseNormalization()
    layer.build((None, None, None, 3))
    with pytest.raises(ValueError, match="sign of x"):
        layer(rng.normal(size=(2, 1, 1, 3)))


@pytest.mark.parametrize("start", [0.5, -0.5])
def test_learned_epsilon_is_trained_and_its_sign_does_not_matter(rng, start):
    """∂y/∂ε = −y / (2 (ν² + ε)), through |ε|."""
    x = rng.normal(size=(2, 4, 4, 3)).astype("float32")
    weights = rng.normal(size=x.shape)
    layer = FilterResponseNormalization(learned_epsilon=True)
    model = keras.Sequential([keras.Input(x.shape[1:]), layer])
    layer.epsilon_weight.assign([start])
    y = oracle.filter_response(x, (1, 2), epsilon=0.5 + 1e-6)
    np.testing.assert_allclose(array(layer(x)), y, atol=1e-5)
    model.compile(keras.optimizers.SGD(1.0), loss=lambda y, p: ops.sum(y * p), run_eagerly=True)
    model.train_on_batch(x, weights)
    total = np.square(x, dtype="float64").mean((1, 2), keepdims=True) + 0.5 + 1e-6
    slope = (weights * -y / (2 * total)).sum() * np.sign(start)
    np.testing.assert_allclose(array(layer.epsilon_weight), start - slope, rtol=1e-3)


def test_arguments_of_addons_have_the_same_names_and_meaning():
    layer = FilterResponseNormalization(
        epsilon=1e-4,
        beta_initializer="ones",
        gamma_initializer="zeros",
        gamma_constraint="non_neg",
        learned_epsilon=True,
        learned_epsilon_constraint="non_neg",
    )
    layer.build((None, 4, 4, 2))
    assert layer.epsilon_weight.constraint is layer.learned_epsilon_constraint
    assert array(layer.beta).tolist() == [1, 1] and array(layer.gamma).tolist() == [0, 0]
    config = layer.get_config()
    assert FilterResponseNormalization.from_config(config).get_config() == config


def test_the_mean_is_not_subtracted(rng):
    """ν² is the mean square: x far from 0 comes out near 1, and its scale does not matter."""
    x = (rng.normal(size=(2, 8, 8, 3)) + 100).astype("float32")
    y = array(FilterResponseNormalization()(x))
    assert abs(y - 1).max() < 0.1
    np.testing.assert_allclose(array(FilterResponseNormalization()(1000 * x)), y, rtol=1e-5)
