"""Every public layer against every check; the rows are in `conformance.py`."""

import pathlib
import subprocess
import sys

import conformance
import keras
import numpy as np
import pytest
from conformance import CHANNELS, ROWS
from gradients import compiled, gradient, second_gradient
from keras import ops

import kerasnorm

SHAPES = {2: (6, 8), 3: (3, 5, 8), 4: (3, 5, 4, 8), 5: (2, 3, 4, 5, 8)}
BACKEND = keras.config.backend()

every_layer = pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)


def image(mean=0.0, shape=SHAPES[4], dtype="float32"):
    return (np.random.default_rng(1).normal(size=shape) + mean).astype(dtype)


def run(layer, x, **kwargs):
    """Calls a layer as training does, and returns an array."""
    return ops.convert_to_numpy(layer(x, training=True, **kwargs))


def test_every_public_layer_has_a_row():
    public = {
        name
        for name in kerasnorm.normalization.__all__
        if isinstance(getattr(kerasnorm.normalization, name), type)
    }
    with_rows = {type(row()).__name__ for row in ROWS.values()}
    assert public == with_rows | conformance.ELSEWHERE.keys()
    for file in conformance.ELSEWHERE.values():
        assert (pathlib.Path(__file__).parent / file).exists()


@every_layer
def test_attributes_are_the_arguments_and_config_never_changes(row):
    layer = row()
    before = layer.get_config()
    run(layer, image())
    for name, value in row.arguments.items():
        assert getattr(layer, name) == value and type(getattr(layer, name)) is type(value)
    assert layer.get_config() == before
    assert type(layer).from_config(before).get_config() == before
    assert type(layer).from_config(layer.get_config()).get_config() == before


@every_layer
def test_numpy_numbers_are_arguments_like_any_other(row):
    numbers = {name: np.int64(value) for name, value in row.arguments.items() if type(value) is int}
    layer = row(epsilon=np.float32(0.5), name="norm", **numbers)
    assert layer.get_config() == row(epsilon=0.5, name="norm").get_config()
    assert np.isfinite(run(layer, image())).all()


@every_layer
@pytest.mark.parametrize("mean", [0, 100, 1e3, 1e4])
def test_equals_the_formula_in_float64(row, mean):
    x = image(mean, (4, 14, 14, CHANNELS))
    assert np.abs(run(row(), x) - row.expected(x)).max() < 1e-5


@every_layer
@pytest.mark.parametrize("rank", [2, 3, 4, 5])
def test_ranks(row, rank):
    x = image(3, SHAPES[rank])
    if rank in row.ranks:
        np.testing.assert_allclose(run(row(), x), row.expected(x), atol=1e-5)
    elif rank == 2:
        with pytest.raises(ValueError):
            row()(x)


@every_layer
def test_gamma_and_beta(row):
    layer = row(gamma_initializer="random_normal", beta_initializer="random_normal")
    x = image()
    y = run(layer, x)
    gamma, beta = (1, 0) if layer.gamma is None else map(ops.convert_to_numpy, layer.weights[:2])
    np.testing.assert_allclose(y, row.expected(x, gamma=gamma, beta=beta), atol=1e-5)


@every_layer
@pytest.mark.parametrize("rank", [3, 4, 5])
def test_channels_first_is_channels_last_transposed(row, rank):
    if row.channels_first is None:
        pytest.skip("its axes are all chosen by the user")
    x = image(2, SHAPES[rank])
    first, last = row(**row.channels_first), row()
    mask = image(0, SHAPES[rank][:-1]) > -0.5
    y = run(first, np.moveaxis(x, -1, 1).copy(), mask=mask)
    np.testing.assert_allclose(np.moveaxis(y, 1, -1), run(last, x, mask=mask), atol=1e-6)


@every_layer
@pytest.mark.parametrize("mask_dtype", ["bool", "float32", "int32"])
def test_mask(row, mask_dtype):
    x = image(5)
    mask = image(0, SHAPES[4][:-1]) > -0.5
    mask[1] = False  # a fully masked example
    x[~mask] = np.nan
    layer = row(beta_initializer="ones") if row().center else row()
    y = run(layer, x, mask=mask.astype(mask_dtype))
    expected = row.expected(np.nan_to_num(x), mask=mask, beta=float(layer.center))
    np.testing.assert_allclose(y, expected, atol=1e-5)
    assert all(np.isfinite(ops.convert_to_numpy(weight)).all() for weight in layer.weights)


@every_layer
def test_mask_of_nested_lists(row):
    mask = image(0, SHAPES[4][:-1]) > -0.5
    expected = run(row(), image(), mask=mask)
    np.testing.assert_array_equal(run(row(), image(), mask=mask.tolist()), expected)


@every_layer
def test_mask_in_the_gradient(row):
    mask = image(0, SHAPES[4][:-1]) > -0.5
    weights = image(0, SHAPES[4])

    def masked_gradient(x):
        layer = row()
        layer.build(x.shape)
        return gradient(
            lambda x: ops.sum(ops.multiply(layer(x, training=True, mask=mask), weights)), x
        )

    clean, spoiled = image(1), image(1)
    spoiled[~mask] = np.nan
    assert (masked_gradient(spoiled)[~mask] == 0).all()
    np.testing.assert_array_equal(masked_gradient(spoiled), masked_gradient(clean))


@every_layer
def test_mask_travels_on(row):
    inputs = keras.Input(SHAPES[4][1:])
    hidden = keras.layers.Masking()(inputs)
    model = keras.Model(inputs, row()(hidden))
    x = image(1)
    x[0, 3:] = 0
    mask = (x != 0).any(-1)
    y = model(x, training=True)
    np.testing.assert_array_equal(ops.convert_to_numpy(y._keras_mask), mask)
    np.testing.assert_allclose(ops.convert_to_numpy(y), row.expected(x, mask=mask), atol=1e-5)


@every_layer
@pytest.mark.parametrize("shape", [(3,), (3, 5), (3, 5, 5), (3, 5, 4, 8), (1, 5, 4)])
def test_mask_that_does_not_fit(row, shape):
    with pytest.raises(ValueError, match=r"(?s)mask.*should have the input's shape"):
        row()(image(), mask=np.ones(shape, bool))
    inputs, mask = keras.Input(SHAPES[4][1:], 3), keras.Input(shape[1:], shape[0], dtype="bool")
    with pytest.raises(ValueError, match=r"(?s)mask.*should have the input's shape"):
        row()(inputs, mask=mask)


@every_layer
def test_sizes_may_vary(row):
    inputs = keras.Input((None, None, CHANNELS))
    model = keras.Model(inputs, row()(inputs))
    for size in ((2, 5, 4), (3, 2, 7)):
        x = image(0, (*size, CHANNELS))
        y = ops.convert_to_numpy(model(x, training=True))
        np.testing.assert_allclose(y, row.expected(x), atol=1e-5)


@every_layer
@pytest.mark.parametrize("dtype", ["uint8", "int32", "bool"])
def test_integers_are_cast_and_not_truncated(row, dtype):
    x = np.random.default_rng(0).integers(0, 200, SHAPES[4]).astype(dtype)
    np.testing.assert_allclose(run(row(), x), row.expected(x), atol=1e-5)


POLICIES = {
    "float32": 1e-5,
    "mixed_float16": 4e-3,
    "mixed_bfloat16": 4e-2,
    "float16": 4e-3,
    "bfloat16": 4e-2,
    "float64": 1e-5,
}


@every_layer
@pytest.mark.parametrize("policy", POLICIES)
def test_dtype_policies(row, policy):
    layer = row(dtype=policy)
    x = image(7e4, dtype="float32")  # above float16's range, which autocasting would overflow
    y = layer(x, training=True)
    if not (BACKEND == "jax" and policy == "float64"):
        assert keras.backend.standardize_dtype(y.dtype) == layer.compute_dtype
    y = ops.convert_to_numpy(ops.cast(y, "float32"))
    np.testing.assert_allclose(y, row.expected(x), atol=POLICIES[policy])
    for name in ("moving_mean", "moving_variance"):
        statistic = getattr(layer, name, None)
        if statistic is not None:
            assert keras.backend.standardize_dtype(statistic.dtype) in ("float32", "float64")


@every_layer
def test_half_precision_input_has_float32_statistics(row):
    x = image(300).astype("float16")  # its sum of squares is beyond float16
    layer = row(dtype="mixed_float16")
    y = layer(ops.convert_to_tensor(x), training=True)
    np.testing.assert_allclose(ops.convert_to_numpy(y), row.expected(x), atol=4e-3)


@every_layer
def test_gradient_is_that_of_the_formula(row):
    random = np.random.default_rng(3)
    x, weights, direction = (random.normal(size=(4, 5, 4, CHANNELS)) for _ in range(3))
    layer = row(gamma_initializer="random_normal")
    layer.build(x.shape)
    gamma = 1 if layer.gamma is None else ops.convert_to_numpy(layer.gamma)

    def scalar(x):
        return (row.expected(x, gamma=gamma) * weights).sum()

    step = 1e-5
    expected = (scalar(x + step * direction) - scalar(x - step * direction)) / (2 * step)
    found = gradient(
        lambda x: ops.sum(ops.multiply(layer(x, training=True), weights.astype("float32"))),
        x.astype("float32"),
    )
    assert (found * direction).sum() == pytest.approx(expected, rel=1e-3, abs=1e-4)


@every_layer
def test_gradient_is_exact_at_a_large_mean(row):
    if not row.shift_invariant:
        pytest.skip("its gradient depends on the mean")
    weights = image(0)

    def at(mean):
        layer = row()
        x = (np.round(image() * 64) / 64 + mean).astype("float32")  # the sum is exact
        layer.build(x.shape)
        return gradient(lambda x: ops.sum(ops.multiply(layer(x, training=True), weights)), x)

    np.testing.assert_allclose(at(1e4), at(0), atol=2e-5)


@every_layer
def test_gradients_of_gamma_and_beta(row):
    layer = row()
    x, weights = image(1), image(0)
    layer.build(x.shape)
    if layer.gamma is None:
        pytest.skip("it has neither")
    inputs = keras.Input(SHAPES[4][1:])
    model = keras.Model(inputs, layer(inputs))
    # a step in TensorFlow's graph mode may read a weight that it has already moved
    loss = lambda y, p: ops.sum(y * p, axis=(1, 2, 3))  # noqa: E731
    model.compile(keras.optimizers.SGD(1.0), loss, run_eagerly=True)
    model.train_on_batch(x, weights)
    size = x.shape[0]
    kept = tuple(range(4 - len(layer.gamma.shape)))
    dgamma = (row.expected(x) * weights).sum(kept) / size
    dbeta = weights.sum(kept, dtype="float64") / size
    np.testing.assert_allclose(ops.convert_to_numpy(layer.gamma), 1 - dgamma, atol=1e-4)
    np.testing.assert_allclose(ops.convert_to_numpy(layer.beta), -dbeta, atol=1e-4)


@every_layer
def test_second_gradient(row):
    """A gradient penalty differentiates the gradient, which a custom gradient can get wrong."""
    x, weights = image(0, (3, 3, 3, CHANNELS)), image(0, (3, 3, 3, CHANNELS))
    layer = row()
    layer.build(x.shape)

    def penalty(x64):
        """‖∇‖² from central differences of the formula."""
        step = 1e-5
        total = 0.0
        for index in np.ndindex(x64.shape):
            up, down = x64.copy(), x64.copy()
            up[index] += step
            down[index] -= step
            difference = ((row.expected(up) - row.expected(down)) * weights).sum()
            total += (difference / (2 * step)) ** 2
        return total

    direction = np.random.default_rng(5).normal(size=x.shape)
    step = 1e-3
    x64 = x.astype("float64")
    expected = (penalty(x64 + step * direction) - penalty(x64 - step * direction)) / (2 * step)
    found = second_gradient(lambda x: ops.sum(ops.multiply(layer(x, training=True), weights)), x)
    assert (found * direction).sum() == pytest.approx(expected, rel=1e-2, abs=1e-2)


@every_layer
@pytest.mark.skipif(BACKEND == "torch", reason="Keras compiles with XLA on TensorFlow and JAX")
def test_compiled_by_xla(row):
    def trained(**kwargs):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((None, None, CHANNELS))
        model = keras.Model(inputs, keras.layers.Conv2D(2, 1)(row()(inputs)))
        model.compile(keras.optimizers.SGD(0.1), "mse", **kwargs)
        losses = [model.train_on_batch(image(100), image(0, (3, 5, 4, 2))) for _ in range(3)]
        return [*losses, *(w.sum() for w in model.get_weights())]

    np.testing.assert_allclose(trained(jit_compile=True), trained(run_eagerly=True), rtol=2e-4)


@every_layer
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.skipif(BACKEND == "torch", reason="Keras compiles with XLA on TensorFlow and JAX")
def test_compiled_by_xla_at_a_large_mean(row, masked):
    """A compiler that computes a mean twice and rounds it differently is off by 5e-4 here."""
    x = image(1e4)
    mask = image(0, SHAPES[4][:-1]) > -0.5 if masked else None
    layer = row()
    layer.build(x.shape)
    y = ops.convert_to_numpy(compiled(lambda x: layer(x, training=True, mask=mask))(x))
    np.testing.assert_allclose(y, row.expected(x, mask=mask), atol=1e-5)


@every_layer
def test_saved_and_loaded(row, tmp_path):
    inputs = keras.Input((None, None, CHANNELS))
    model = keras.Model(inputs, row(beta_initializer="random_normal", name="norm")(inputs))
    model(image(4), training=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    x = image()
    np.testing.assert_array_equal(ops.convert_to_numpy(loaded(x)), ops.convert_to_numpy(model(x)))
    assert loaded.get_layer("norm").get_config() == model.get_layer("norm").get_config()


def test_loaded_in_a_new_process(tmp_path):
    """`import kerasnorm` is all that a reader of the file needs."""
    inputs = outputs = keras.Input((5, 4, CHANNELS))
    for row in ROWS.values():
        outputs = row()(outputs)
    outputs = kerasnorm.normalization.ConvNormActivation(4, 3, pool="max")(outputs)
    model = keras.Model(inputs, outputs)
    x = image()
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", ops.convert_to_numpy(model(x)))
    script = (
        "import keras, numpy as np, kerasnorm\n"
        "model = keras.saving.load_model('model.keras')\n"
        "y = keras.ops.convert_to_numpy(model(np.load('x.npy')))\n"
        "np.testing.assert_allclose(y, np.load('y.npy'), atol=1e-6)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


@every_layer
def test_wrapped(row):
    layer = keras.layers.TimeDistributed(row())
    x = image(0, (2, 3, 5, 4, CHANNELS))
    config = layer.get_config()
    y = run(layer, x)
    expected = row.expected(x.reshape(6, 5, 4, CHANNELS)).reshape(x.shape)
    if 0 not in row.axes(4):  # a batch is what the wrapper makes of it
        np.testing.assert_allclose(y, expected, atol=1e-5)
    assert layer.get_config()["layer"]["config"] == config["layer"]["config"]


@pytest.mark.parametrize(
    ("row", "arguments", "message"),
    [
        pytest.param(row, arguments, message, id=f"{name} {arguments}")
        for name, row in ROWS.items()
        for arguments, message in row.wrong
    ],
)
def test_wrong_arguments(row, arguments, message):
    with pytest.raises(ValueError, match=message):
        row.make(**{**({} if "group_size" in arguments else row.arguments), **arguments}).build(
            SHAPES[4]
        )


@every_layer
def test_other_channels_than_built(row):
    layer = row()
    layer(image())
    if row.arguments.get("center", True):
        with pytest.raises(ValueError):
            layer(image(shape=(3, 5, 4, CHANNELS + 1)))


@every_layer
def test_unknown_channels(row):
    if not row.arguments.get("center", True):
        pytest.skip("without γ and β every size may vary")
    with pytest.raises(ValueError, match=r"known size|normalized_shape"):
        row().build((None, 5, 4, None))


@every_layer
def test_empty_batch(row):
    layer = row()
    layer.build(SHAPES[4])
    before = [ops.convert_to_numpy(weight) for weight in layer.weights]
    assert run(layer, image(shape=(0, 5, 4, CHANNELS))).shape == (0, 5, 4, CHANNELS)
    for old, new in zip(before, layer.weights, strict=True):
        np.testing.assert_array_equal(old, ops.convert_to_numpy(new))
