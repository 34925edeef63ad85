"""A γ and β a style: against the formula in float64."""

import keras
import numpy as np
import oracle
import pytest
from gradients import gradient
from keras import ops

from kerasnorm.normalization import ConditionalInstanceNormalization, InstanceNormalization

SHAPE, STYLES = (4, 5, 3, 6), 7
INDEX = np.array([6, 0, 3, 3])


def array(tensor):
    return ops.convert_to_numpy(tensor)


def make(num_styles=STYLES, **kwargs):
    return ConditionalInstanceNormalization(
        num_styles, gamma_initializer="random_normal", beta_initializer="random_normal", **kwargs
    )


def expected(layer, x, mixture, mask=None):
    """The formula, for channels-last `x` and a mixture a example."""
    shape = (len(x), *(1,) * (x.ndim - 2), -1)
    gamma, beta = (
        (mixture @ array(table).astype("float64")).reshape(shape)
        for table in (layer.gamma, layer.beta)
    )
    axes = tuple(range(1, x.ndim - 1))
    return oracle.normalize(x, axes, gamma=gamma, beta=beta, mask=mask, epsilon=layer.epsilon)


def image(rng, shape=SHAPE):
    return rng.normal(2, 3, size=shape).astype("float32")


def mixture_of(rng):
    return rng.dirichlet(np.ones(STYLES), len(INDEX)).astype("float32")


@pytest.mark.parametrize(
    ("shape", "axis", "kind"),
    [
        ((4, 9, 6), -1, "uint8"),
        ((4, 9, 6), 1, "mixture"),
        (SHAPE, -1, "mixture"),
        (SHAPE, 1, "int64"),
        ((4, 2, 3, 2, 6), -1, "int32"),
        ((4, 2, 3, 2, 6), 1, "mixture"),
    ],
    ids=str,
)
def test_equals_the_formula(rng, shape, axis, kind):
    x, layer = image(rng, shape), make(axis=axis)
    mixture = mixture_of(rng) if kind == "mixture" else np.eye(STYLES)[INDEX]
    second = mixture if kind == "mixture" else INDEX.astype(kind)
    y = array(layer([np.moveaxis(x, -1, axis).copy(), second]))
    np.testing.assert_allclose(np.moveaxis(y, axis, -1), expected(layer, x, mixture), atol=1e-5)
    assert layer.gamma.shape == layer.beta.shape == (STYLES, 6)


def test_stable_at_a_large_mean(rng):
    x, layer = image(rng) + 10_000, make()
    np.testing.assert_allclose(
        array(layer([x, INDEX])), expected(layer, x, np.eye(STYLES)[INDEX]), atol=1e-5
    )


def test_an_index_is_its_one_hot_mixture_and_one_style_is_instance_normalization(rng):
    x, layer = image(rng), make()
    one_hot = np.eye(STYLES, dtype="float32")[INDEX]
    np.testing.assert_array_equal(array(layer([x, INDEX])), array(layer([x, one_hot])))
    single = ConditionalInstanceNormalization(1)([x, np.zeros(4, int)])
    np.testing.assert_allclose(array(single), array(InstanceNormalization()(x)), atol=1e-6)


@pytest.mark.parametrize("kind", ["index", "mixture"])
def test_only_the_styles_shown_are_trained(rng, kind):
    x, weights = image(rng), rng.normal(size=SHAPE)
    mixture = mixture_of(rng) if kind == "mixture" else np.eye(STYLES)[INDEX]
    layer = make()
    second = keras.Input((STYLES,)) if kind == "mixture" else keras.Input((), dtype="int32")
    inputs = [keras.Input(SHAPE[1:]), second]
    model = keras.Model(inputs, layer(inputs))
    before = [array(table) for table in (layer.gamma, layer.beta)]
    model.compile(keras.optimizers.SGD(1.0), loss=lambda y, p: ops.sum(y * p), run_eagerly=True)
    model.train_on_batch([x, mixture if kind == "mixture" else INDEX], weights)
    standard = oracle.normalize(x, (1, 2))
    for table, old, factor in zip((layer.gamma, layer.beta), before, (standard, 1), strict=True):
        slope = mixture.T @ (weights * factor).sum((1, 2))
        np.testing.assert_allclose(old - array(table), slope, atol=1e-4)


@pytest.mark.parametrize("which", [0, 1], ids=["x", "mixture"])
def test_gradients_by_the_inputs(rng, which):
    inputs = [image(rng), mixture_of(rng)]
    weights, direction = rng.normal(size=SHAPE), rng.normal(size=inputs[which].shape)
    layer = make()
    layer.build([part.shape for part in inputs])

    def at(step):
        moved = [part.astype("float64") for part in inputs]
        moved[which] = moved[which] + step * direction
        return (expected(layer, *moved) * weights).sum()

    def scalar(x):
        given = [ops.convert_to_tensor(part) for part in inputs]
        given[which] = x
        return ops.sum(ops.multiply(layer(given), weights.astype("float32")))

    wanted = (at(1e-5) - at(-1e-5)) / 2e-5
    assert (gradient(scalar, inputs[which]) * direction).sum() == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize("index", [[0, 1, 2, 7], [-1, 0, 0, 0], [100, 0, 0, -100]], ids=str)
def test_an_index_outside_the_styles_is_an_error(rng, index):
    with pytest.raises(ValueError, match=r"in \[0, 6\].*num_styles=7"):
        make()([image(rng), np.array(index)])


@pytest.mark.parametrize("jit", [False, True])
def test_an_index_outside_gives_nan_where_a_compiler_hides_it(rng, jit):
    """Frameworks clip it, return 0, or wrap −1 around, each in silence."""
    if keras.config.backend() == "torch" or (keras.config.backend() == "jax" and not jit):
        pytest.skip("this runs eagerly, so it is an error")
    x, inputs = image(rng), [keras.Input(SHAPE[1:]), keras.Input((), dtype="int32")]
    layer = make()
    model = keras.Model(inputs, layer(inputs))
    model.compile(jit_compile=jit)
    y = model.predict([x, np.array([6, -1, 7, 0], "int32")], verbose=0)
    assert np.isnan(y[1:3]).all()
    mixture = np.eye(STYLES)[[6, 0]]
    np.testing.assert_allclose(y[[0, 3]], expected(layer, x[[0, 3]], mixture), atol=1e-5)


def test_mask(rng):
    x, layer = image(rng), make()
    mask = rng.random(SHAPE[:-1]) > 0.3
    mask[1] = False
    x[~mask] = np.nan
    y = array(layer([x, INDEX], mask=[mask, None]))
    clean = np.nan_to_num(x)
    np.testing.assert_allclose(y, expected(layer, clean, np.eye(STYLES)[INDEX], mask), atol=1e-5)


def test_mask_travels_on(rng):
    inputs = [keras.Input((None, 6)), keras.Input((), dtype="int32")]
    layer = make()
    model = keras.Model(inputs, layer([keras.layers.Masking()(inputs[0]), inputs[1]]))
    x = image(rng, (4, 8, 6))
    x[0, 3:] = 0
    y = model([x, INDEX])
    mask = (x != 0).any(-1)
    np.testing.assert_array_equal(array(y._keras_mask), mask)
    np.testing.assert_allclose(array(y), expected(layer, x, np.eye(STYLES)[INDEX], mask), atol=1e-5)


def test_saved_and_loaded_with_varying_sizes(rng, tmp_path):
    """The steps are graphs that XLA does not compile; those of AdaIN's test are compiled."""
    jit = keras.config.backend() == "jax"
    inputs = [keras.Input((None, None, 6)), keras.Input((), dtype="int32")]
    model = keras.Model(inputs, keras.layers.Conv2D(2, 1)(make(name="norm")(inputs)))
    model.compile("sgd", "mse", jit_compile=jit)
    for size in ((5, 4), (2, 7)):
        x = image(rng, (4, *size, 6))
        assert np.isfinite(model.train_on_batch([x, INDEX], x[..., :2]))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(array(loaded([x, INDEX])), array(model([x, INDEX])))
    assert loaded.get_layer("norm").get_config() == model.get_layer("norm").get_config()


@pytest.mark.parametrize(("policy", "tolerance"), [("mixed_float16", 6e-3), ("bfloat16", 4e-2)])
def test_dtype_policies(rng, policy, tolerance):
    x, layer = image(rng) + 70_000, make(dtype=policy)
    y = array(ops.cast(layer([x, INDEX]), "float32"))
    np.testing.assert_allclose(y, expected(layer, x, np.eye(STYLES)[INDEX]), atol=tolerance)


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("scale", [False, True])
def test_config_and_attributes(rng, center, scale):
    layer = make(np.int64(3), center=center, scale=scale)
    config = layer.get_config()
    layer([image(rng), np.array([0, 1, 2, 0])])
    assert layer.num_styles == 3 and type(layer.num_styles) is int
    assert len(layer.weights) == center + scale
    assert layer.get_config() == config
    assert type(layer).from_config(config).get_config() == config


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (np.zeros(3, int), r"\(N,\) or mixtures \(N, 7\)"),
        (np.zeros((4, 1), int), r"\(N,\) or mixtures \(N, 7\)"),
        (np.zeros((4, 6), "float32"), r"\(N,\) or mixtures \(N, 7\)"),
        (np.zeros((4, 7, 1), "float32"), r"\(N,\) or mixtures \(N, 7\)"),
        (np.zeros(4, "float32"), "should be ints"),
    ],
    ids=["examples", "column", "styles", "rank", "floats"],
)
def test_wrong_second_inputs(rng, second, message):
    with pytest.raises(ValueError, match=message):
        make()([image(rng), second])


@pytest.mark.parametrize("wrong", [0, -1, 2.0, "3", None, True])
def test_wrong_num_styles(wrong):
    with pytest.raises(ValueError, match="num_styles"):
        ConditionalInstanceNormalization(wrong)


def test_one_position_and_a_missing_style_are_refused(rng):
    with pytest.raises(ValueError, match="single value"):
        make().build([(4, 1, 1, 6), (4,)])
    with pytest.raises(ValueError, match="two inputs"):
        make()(image(rng))
    with pytest.raises(ValueError, match="two inputs"):
        make().build(SHAPE)


def test_regularizers_and_constraints_apply_to_every_style(rng):
    layer = make(gamma_regularizer="l2", beta_constraint="non_neg")
    layer([image(rng), INDEX])
    assert len(layer.losses) == 1 and layer.beta.constraint is layer.beta_constraint
