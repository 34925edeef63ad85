"""The thresholded linear unit, whose rows the conformance table has no columns for."""

import keras
import numpy as np
import pytest
from gradients import gradient
from keras import ops

from kerasnorm.normalization import TLU, FilterResponseNormalization


def array(tensor):
    return ops.convert_to_numpy(tensor)


def expected(x, tau, alpha=0.0):
    x = np.asarray(x, "float64")
    return np.maximum(x, alpha * x + tau)


def make(affine=False, **kwargs):
    return TLU(
        affine=affine,
        tau_initializer="random_normal",
        alpha_initializer=keras.initializers.RandomUniform(0, 0.5),
        **kwargs,
    )


SHAPES = [(6, 5), (3, 4, 5), (3, 4, 2, 5), (2, 3, 4, 2, 5)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("axis", [-1, 1])
def test_equals_the_formula(rng, shape, affine, axis):
    x = rng.normal(size=shape).astype("float32")
    layer = make(affine, axis=axis)
    y = array(layer(np.moveaxis(x, -1, axis).copy()))
    np.testing.assert_allclose(
        np.moveaxis(y, axis, -1), expected(x, *map(array, layer.weights)), atol=1e-6
    )
    assert [weight.shape for weight in layer.weights] == [(5,)] * (1 + affine)


@pytest.mark.parametrize("affine", [False, True])
def test_gradient(rng, affine):
    x, weights = (rng.normal(size=(3, 4, 5)).astype("float32") for _ in range(2))
    layer = make(affine)
    layer.build(x.shape)
    dx = gradient(lambda x: ops.sum(ops.multiply(layer(x), weights)), x)
    tau, alpha = (*map(array, layer.weights), 0.0)[:2]
    slope = np.where(x > alpha * x + tau, 1, alpha)
    np.testing.assert_allclose(dx, weights * slope, atol=1e-6)


def test_thresholds_are_learned(rng):
    x = rng.normal(size=(64, 3)).astype("float32")
    wanted = expected(x, np.array([-1.0, 0.0, 0.5]))
    model = keras.Sequential([keras.Input((3,)), TLU()])
    model.compile(keras.optimizers.SGD(0.3), "mse")
    steps = (np.tile(part, (50, 1)) for part in (x, wanted))  # an epoch costs more than a step
    model.fit(*steps, epochs=6, batch_size=64, shuffle=False, verbose=0)
    np.testing.assert_allclose(array(model.layers[0].tau), [-1, 0, 0.5], atol=0.02)


def test_padded_positions_reach_nothing(rng):
    x = rng.normal(size=(2, 4, 3)).astype("float32")
    mask = np.array([[1, 1, 0, 0], [0, 0, 0, 0]], bool)
    spoiled = np.where(mask[..., None], x, np.nan).astype("float32")
    layer = TLU(tau_initializer="ones")  # 1 would appear where nothing is
    y = array(layer(spoiled, mask=mask))
    np.testing.assert_allclose(y, np.where(mask[..., None], expected(x, 1.0), 0), atol=1e-6)
    dx = gradient(lambda x: ops.sum(layer(x, mask=mask)), spoiled)
    assert (dx[~mask] == 0).all() and np.isfinite(dx).all()
    with pytest.raises(ValueError, match=r"(?s)mask.*should have the input's shape"):
        layer(x, mask=mask[:, :3])


@pytest.mark.parametrize(
    ("policy", "tolerance"), [("float32", 1e-6), ("mixed_float16", 4e-3), ("bfloat16", 1e-2)]
)
def test_dtypes(rng, policy, tolerance):
    layer = make(dtype=policy)
    x = rng.integers(0, 5, size=(3, 4))
    y = layer(x)
    assert keras.backend.standardize_dtype(y.dtype) == layer.compute_dtype
    tau = array(ops.cast(layer.tau, "float32"))
    np.testing.assert_allclose(array(ops.cast(y, "float32")), expected(x, tau), atol=tolerance)


@pytest.mark.parametrize("affine", [False, True])
def test_saved_and_loaded_behind_a_normalization_of_any_size(rng, tmp_path, affine):
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, make(affine)(FilterResponseNormalization()(inputs)))
    config = model.layers[-1].get_config()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for size in ((4, 5), (7, 2)):
        x = rng.normal(size=(2, *size, 3)).astype("float32")
        np.testing.assert_array_equal(array(loaded(x)), array(model(x)))
    assert loaded.layers[-1].get_config() == config
    assert TLU.from_config(config).get_config() == config


@pytest.mark.parametrize("axis", [0, 4, -4, 1.0, "1", None, True])
def test_a_wrong_axis_is_refused(axis):
    with pytest.raises(ValueError, match="axis"):
        TLU(axis=axis).build((2, 3, 4, 5))


def test_unknown_or_changed_channels(rng):
    with pytest.raises(ValueError, match="known size"):
        TLU().build((None, 4, None))
    layer = TLU(axis=np.int64(-1))
    layer(rng.normal(size=(2, 4, 3)))
    with pytest.raises(ValueError):
        layer(rng.normal(size=(2, 4, 5)))
