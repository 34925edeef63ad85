"""CosineDense against NumPy."""

import keras
import numpy as np
import pytest
from gradients import gradient
from keras import ops

from kerasnorm.imbalance import CosineDense


def cosines(x, kernel):
    lengths = np.linalg.norm(x, axis=-1, keepdims=True) * np.linalg.norm(kernel, axis=0)
    return x @ kernel / lengths


def built(**settings):
    layer = CosineDense(3, **settings)
    layer.build((None, 4))
    return layer


@pytest.mark.parametrize("shape", [(5, 4), (2, 3, 4)])
@pytest.mark.parametrize("scale", [1, 1e25, 1e-25])
def test_values(shape, scale, rng):
    layer, x = built(), rng.normal(size=shape)
    kernel = ops.convert_to_numpy(layer.kernel).astype(float)
    found = ops.convert_to_numpy(layer(ops.convert_to_tensor((scale * x).astype("float32"))))
    np.testing.assert_allclose(found, cosines(x, kernel), atol=1e-6)
    assert layer.compute_output_shape(shape) == found.shape


def test_gradients(rng):
    layer, x = built(), rng.normal(size=(2, 4)).astype("float32")
    kernel = ops.convert_to_numpy(layer.kernel).astype(float)
    upstream = rng.normal(size=(2, 3)).astype("float32")
    found = gradient(lambda x: ops.sum(ops.multiply(layer(x), upstream)), x)
    for index in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[index] = 1e-5
        high, low = (cosines(x.astype(float) + s, kernel) for s in (step, -step))
        slope = ((high - low) * upstream).sum() / 2e-5
        np.testing.assert_allclose(found[index], slope, rtol=1e-3, atol=1e-5)


def test_zeros_have_zeros_and_a_gradient():
    layer, x = built(), np.zeros((2, 4), "float32")
    assert not ops.convert_to_numpy(layer(x)).any()
    assert np.isfinite(gradient(lambda x: ops.sum(layer(x)), x)).all()


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision(policy, rng):
    """Squares of float16 numbers above 256 would be infinite."""
    x = (1000 * rng.normal(size=(5, 4))).astype("float32")
    layer = built(dtype=policy)
    found = layer(ops.convert_to_tensor(x))
    assert keras.backend.standardize_dtype(found.dtype) == policy.removeprefix("mixed_")
    expected = cosines(x.astype(float), ops.convert_to_numpy(layer.kernel).astype(float))
    atol = 1e-3 if policy == "mixed_float16" else 8e-3
    found = ops.convert_to_numpy(ops.cast(found, "float32"))
    np.testing.assert_allclose(found, expected, rtol=0, atol=atol)


def test_config():
    layer = CosineDense(3, "he_normal", "l2", name="head")
    again = CosineDense.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    for wrong in (0, 1.5):
        with pytest.raises(ValueError, match="units"):
            CosineDense(wrong)
    with pytest.raises(ValueError, match="last axis"):
        CosineDense(3).build((None, None))
