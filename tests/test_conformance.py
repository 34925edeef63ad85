"""Every public layer against every check; the rows are in `conformance.py`."""

import itertools
import pathlib

import conformance
import keras
import numpy as np
import pytest
from backends import once
from conformance import CHANNELS, ROWS
from gradients import gradient, second_gradient
from keras import ops

import kerasnorm

SHAPES = {2: (6, 8), 3: (3, 5, 8), 4: (3, 5, 4, 8), 5: (2, 3, 4, 5, 8)}
BACKEND = keras.config.backend()

every_layer = pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
# one of each formula and of each way to lie along the memory; the others compute as these do
FORMULAS = (
    *("batch", "layer", "layer over everything", "layer over time", "instance, with estimates"),
    *("group", "one group", "filter response, learned epsilon", "switchable"),
)
every_formula = pytest.mark.parametrize("row", [ROWS[name] for name in FORMULAS], ids=FORMULAS)


def in_turn(name, values):
    """Parametrizes over the layers, each with the next of some values."""
    pairs = zip(ROWS, itertools.cycle(values))
    params = [pytest.param(ROWS[row], value, id=f"{row}-{value}") for row, value in pairs]
    return pytest.mark.parametrize(("row", name), params)


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


POLICIES = {
    "mixed_float16": 4e-3,
    "mixed_bfloat16": 4e-2,
    "float16": 4e-3,
    "bfloat16": 4e-2,
    "float64": 1e-5,
}
LARGE_MEAN = {
    "dtypes": 7e4,  # above float16's range, which autocasting would overflow
    "compiled_by_xla": 1e4,  # a mean that is computed twice and rounded differently is off by 5e-4
}


OF_FORMULAS = (
    *("compiled_by_xla", "dtypes", "integers", "gradient_by_differences"),
    *("mask_keeps_gradients_out", "mask_travels_on", "empty_batch", "training_step"),
)
# what Python says of a layer, whatever computes, and what only graphs can get wrong
SAME_ON_EVERY_BACKEND = (
    *("arguments_are_attributes", "config_makes_the_same_layer", "config_stays"),
    *("output_shape", "sizes_may_vary"),
)


@pytest.mark.parametrize(
    ("row", "check"),
    [
        pytest.param(
            *(row, check),
            id=f"{name}-{check}",
            marks=once if check in SAME_ON_EVERY_BACKEND else (),
        )
        for check in kerasnorm.testing.check_names(mask=True)
        for name, row in ROWS.items()
        if check not in OF_FORMULAS or name in FORMULAS
        if check != "compiled_by_xla" or name not in ("layer over time", "one group")
    ],
)
def test_check_layer(row, check):
    """The checks that `kerasnorm.testing` has for everybody's layers, each on each of ours."""
    kerasnorm.testing.check_layer(
        row.make,
        SHAPES[4],
        arguments=row.arguments,
        expected=row.expected,
        mask=True,
        values=lambda shape: image(LARGE_MEAN.get(check, 0), shape),
        dynamic_axes=(0, 1, 2),
        policies=POLICIES,
        only=[check],
    )


@once
@every_formula
def test_numpy_numbers_are_arguments_like_any_other(row):
    numbers = {name: np.int64(value) for name, value in row.arguments.items() if type(value) is int}
    layer = row(epsilon=np.float32(0.5), name="norm", **numbers)
    assert layer.get_config() == row(epsilon=0.5, name="norm").get_config()
    assert np.isfinite(run(layer, image())).all()


@every_formula
def test_equals_the_formula_in_float64_at_a_large_mean(row):
    x = image(1e4, (4, 14, 14, CHANNELS))
    assert np.abs(run(row(), x) - row.expected(x)).max() < 1e-5


@pytest.mark.parametrize("name", ["layer", "layer over everything", "instance", "group"])
def test_equals_the_formula_at_inference_too(name):
    x, row = image(1e4, (4, 14, 14, CHANNELS)), ROWS[name]
    found = ops.convert_to_numpy(row()(x, training=False))
    assert np.abs(found - row.expected(x)).max() < 1e-5


@every_layer
def test_without_positions(row):
    x = image(3, SHAPES[2])
    if 2 in row.ranks:
        np.testing.assert_allclose(run(row(), x), row.expected(x), atol=1e-5)
    else:
        with pytest.raises(ValueError):
            row()(x)


@in_turn("rank", [3, 5])  # `test_check_layer` has rank 4
def test_ranks(row, rank):
    if rank not in row.ranks:
        pytest.skip("it is for images")
    x = image(3, SHAPES[rank])
    np.testing.assert_allclose(run(row(), x), row.expected(x), atol=1e-5)


@every_formula
def test_gamma_and_beta(row):
    layer = row(gamma_initializer="random_normal", beta_initializer="random_normal")
    x = image()
    y = run(layer, x)
    gamma, beta = (1, 0) if layer.gamma is None else map(ops.convert_to_numpy, layer.weights[:2])
    np.testing.assert_allclose(y, row.expected(x, gamma=gamma, beta=beta), atol=1e-5)


@in_turn("rank", [3, 4, 5])
def test_channels_first_is_channels_last_transposed(row, rank):
    if row.channels_first is None:
        pytest.skip("its axes are all chosen by the user")
    x = image(2, SHAPES[rank])
    first, last = row(**row.channels_first), row()
    mask = image(0, SHAPES[rank][:-1]) > -0.5
    y = run(first, np.moveaxis(x, -1, 1).copy(), mask=mask)
    np.testing.assert_allclose(np.moveaxis(y, 1, -1), run(last, x, mask=mask), atol=1e-6)


@in_turn("mask_dtype", ["bool", "float32", "int32"])
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


@pytest.mark.parametrize("name", ["batch", "layer", "filter response", "switchable"])
def test_mask_of_nested_lists(name):
    mask, row = image(0, SHAPES[4][:-1]) > -0.5, ROWS[name]
    expected = run(row(), image(), mask=mask)
    np.testing.assert_array_equal(run(row(), image(), mask=mask.tolist()), expected)


@once
@in_turn("shape", [(3,), (3, 5), (3, 5, 5), (3, 5, 4, 8), (1, 5, 4)])
def test_mask_that_does_not_fit(row, shape):
    with pytest.raises(ValueError, match=r"(?s)mask.*should have the input's shape"):
        row()(image(), mask=np.ones(shape, bool))
    inputs, mask = keras.Input(SHAPES[4][1:], 3), keras.Input(shape[1:], shape[0], dtype="bool")
    with pytest.raises(ValueError, match=r"(?s)mask.*should have the input's shape"):
        row()(inputs, mask=mask)


@every_formula
def test_half_precision_input_has_float32_statistics(row):
    x = image(300).astype("float16")  # its sum of squares is beyond float16
    layer = row(dtype="mixed_float16")
    y = layer(ops.convert_to_tensor(x), training=True)
    np.testing.assert_allclose(ops.convert_to_numpy(y), row.expected(x), atol=4e-3)


@every_formula
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


@every_formula
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


@every_formula
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


@every_formula
def test_second_gradient(row):
    """A gradient penalty differentiates the gradient, which a custom gradient can get wrong."""
    x, weights = image(0, (2, 3, 2, CHANNELS)), image(0, (2, 3, 2, CHANNELS))
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


@pytest.mark.skipif(BACKEND == "torch", reason="Keras compiles with XLA on TensorFlow and JAX")
def test_training_compiled_by_xla():
    """Side by side in one model, so that all are compiled at once."""
    names = ("batch", "layer over everything", "group", "switchable")
    x, target = image(100), image(0, (*SHAPES[4][:-1], 2 * len(names)))

    def trained(**kwargs):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((None, None, CHANNELS))
        outputs = [keras.layers.Conv2D(2, 1)(ROWS[name]()(inputs)) for name in names]
        model = keras.Model(inputs, keras.layers.Concatenate()(outputs))
        # a sum over channels, so that each layer's slope is as large as if it were alone
        loss = lambda y, p: ops.sum((y - p) ** 2, axis=-1) / 2  # noqa: E731
        model.compile(keras.optimizers.SGD(0.1), loss, **kwargs)
        losses = [model.train_on_batch(x, target) for _ in range(3)]
        return losses, model.weights

    losses, weights = trained(jit_compile=True)
    expected, eager = trained(run_eagerly=True)
    np.testing.assert_allclose(losses, expected, rtol=2e-4)
    for mine, theirs in zip(weights, eager, strict=True):
        pair = (ops.convert_to_numpy(weight) for weight in (mine, theirs))
        np.testing.assert_allclose(*pair, rtol=2e-4, atol=2e-4, err_msg=mine.path)


@every_formula
def test_wrapped(row):
    layer = keras.layers.TimeDistributed(row())
    x = image(0, (2, 3, 5, 4, CHANNELS))
    config = layer.get_config()
    y = run(layer, x)
    expected = row.expected(x.reshape(6, 5, 4, CHANNELS)).reshape(x.shape)
    if 0 not in row.axes(4):  # a batch is what the wrapper makes of it
        np.testing.assert_allclose(y, expected, atol=1e-5)
    assert layer.get_config()["layer"]["config"] == config["layer"]["config"]


@once
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


@once
@every_formula
def test_other_channels_than_built(row):
    layer = row()
    layer(image())
    if row.arguments.get("center", True):
        with pytest.raises(ValueError):
            layer(image(shape=(3, 5, 4, CHANNELS + 1)))


@once
@every_layer
def test_unknown_channels(row):
    if not row.arguments.get("center", True):
        pytest.skip("without γ and β every size may vary")
    with pytest.raises(ValueError, match=r"known size|normalized_shape"):
        row().build((None, 5, 4, None))


@every_formula
def test_complex_numbers(row):
    with pytest.raises(ValueError, match=r"takes real numbers.*complex64"):
        row()(ops.convert_to_tensor(image() * np.complex64(1j)))
