"""Content in the style of another input: against the formula in float64."""

import keras
import numpy as np
import oracle
import pytest
from gradients import gradient, second_gradient
from keras import ops

from kerasnorm.normalization import AdaptiveInstanceNormalization, InstanceNormalization

CONTENT, STYLE = (3, 5, 4, 6), (3, 2, 7, 6)


def array(tensor):
    return ops.convert_to_numpy(tensor)


def expected(content, style, masks=(None, None), epsilon=1e-5):
    axes = tuple(range(1, content.ndim - 1))
    moments = []
    for example in range(len(content)):
        keep = None if masks[1] is None else masks[1][example : example + 1]
        mean, variance, _ = oracle.statistics(style[example : example + 1], (0, *axes), keep)
        moments.append((mean, np.sqrt(variance + epsilon)))
    mean, deviation = (np.stack(part) for part in zip(*moments, strict=True))
    shape = (len(content), *(1 for _ in axes), -1)
    gamma, beta = deviation.reshape(shape), mean.reshape(shape)
    return oracle.normalize(content, axes, mask=masks[0], epsilon=epsilon, gamma=gamma, beta=beta)


def pair(rng, means=(2.0, -1.0), shapes=(CONTENT, STYLE)):
    return [
        (rng.normal(size=shape) * scale + mean).astype("float32")
        for shape, mean, scale in zip(shapes, means, (1, 3), strict=True)
    ]


@pytest.mark.parametrize(
    "shapes",
    [((2, 9, 4), (2, 3, 4)), (CONTENT, STYLE), ((2, 3, 2, 4, 5), (2, 2, 5, 1, 5))],
    ids=str,
)
@pytest.mark.parametrize("axis", [-1, 1])
def test_equals_the_formula(rng, shapes, axis):
    content, style = pair(rng, shapes=shapes)
    moved = [np.moveaxis(part, -1, axis).copy() for part in (content, style)]
    y = array(AdaptiveInstanceNormalization(axis=axis)(moved))
    np.testing.assert_allclose(np.moveaxis(y, axis, -1), expected(content, style), atol=1e-5)


@pytest.mark.parametrize("means", [(1e4, 0), (0, 1e4), (1e4, 1e4)], ids=str)
def test_stable_at_a_large_mean(rng, means):
    content, style = pair(rng, means)
    y = array(AdaptiveInstanceNormalization()([content, style]))
    rounding = 1e-3 if means[1] else 0  # of the sum with the style's mean, in float32
    np.testing.assert_allclose(y, expected(content, style), atol=1e-5 + rounding)


def test_a_content_that_is_its_own_style_stays(rng):
    x = pair(rng)[0]
    x[0, ..., 0] = 3  # a constant channel has no deviation but ε
    y = array(AdaptiveInstanceNormalization(epsilon=0.1)([x, x]))
    np.testing.assert_allclose(y, x, atol=1e-5)


@pytest.mark.parametrize("which", [0, 1], ids=["content", "style"])
def test_gradients_flow_to_both(rng, which):
    inputs = [part.astype("float64") for part in pair(rng)]
    weights, direction = rng.normal(size=CONTENT), rng.normal(size=inputs[which].shape)
    layer = AdaptiveInstanceNormalization()

    def at(step):
        moved = list(inputs)
        moved[which] = moved[which] + step * direction
        return (expected(*moved) * weights).sum()

    def scalar(x):
        given = [part.astype("float32") for part in inputs]
        given[which] = x
        given = [ops.convert_to_tensor(part) for part in given]
        return ops.sum(ops.multiply(layer(given), weights.astype("float32")))

    x = inputs[which].astype("float32")
    found = gradient(scalar, x)
    wanted = (at(1e-5) - at(-1e-5)) / 2e-5
    assert (found * direction).sum() == pytest.approx(wanted, rel=1e-3)
    assert np.isfinite(second_gradient(scalar, x)).all()


def test_gradient_of_a_constant_style_is_finite(rng):
    content, style = pair(rng)[0], np.full(STYLE, 2, "float32")
    layer = AdaptiveInstanceNormalization()
    dx = gradient(lambda s: ops.sum(layer([ops.convert_to_tensor(content), s]) ** 2), style)
    assert np.isfinite(dx).all()


@pytest.mark.parametrize("masked", [(True, True), (True, False), (False, True)], ids=str)
def test_masks(rng, masked):
    inputs, clean, masks = pair(rng), pair(np.random.default_rng(0)), [None, None]
    for k, wanted in enumerate(masked):
        if wanted:
            masks[k] = rng.random(inputs[k].shape[:-1]) > 0.3
            inputs[k][~masks[k]] = np.nan
            clean[k] = np.nan_to_num(inputs[k])
        else:
            clean[k] = inputs[k]
    y = array(AdaptiveInstanceNormalization()(inputs, mask=masks))
    np.testing.assert_allclose(y, expected(*clean, masks), atol=1e-5)


def test_a_fully_masked_example_changes_no_other(rng):
    content, style = pair(rng)
    masks = [np.ones(CONTENT[:-1], bool), np.ones(STYLE[:-1], bool)]
    masks[0][0] = masks[1][1] = False
    y = array(AdaptiveInstanceNormalization()([content, style], mask=masks))
    assert np.isfinite(y).all() and (y[0] == 0).all()
    np.testing.assert_allclose(y[2:], expected(content, style)[2:], atol=1e-5)


def test_the_mask_of_the_content_travels_on(rng):
    inputs = keras.Input((None, 6)), keras.Input((None, 6))
    hidden = [keras.layers.Masking()(part) for part in inputs]
    model = keras.Model(inputs, AdaptiveInstanceNormalization()(hidden))
    content, style = pair(rng, shapes=((2, 7, 6), (2, 4, 6)))
    content[0, 5:], style[1, 2:] = 0, 0
    masks = [(part != 0).any(-1) for part in (content, style)]
    y = model([content, style])
    np.testing.assert_array_equal(array(y._keras_mask), masks[0])
    np.testing.assert_allclose(array(y), expected(content, style, masks), atol=1e-5)


def test_trains_saves_and_loads_with_varying_sizes(rng, tmp_path):
    jit = keras.config.backend() != "torch"
    inputs = keras.Input((None, None, 3)), keras.Input((None, None, 3))
    features = keras.layers.Conv2D(6, 1)
    mixed = AdaptiveInstanceNormalization(name="adain")([features(part) for part in inputs])
    model = keras.Model(inputs, keras.layers.Conv2D(3, 1)(mixed))
    model.compile("sgd", "mse", jit_compile=jit)
    for sizes in (((5, 4), (2, 7)), ((3, 3), (4, 4))):
        data = [rng.normal(size=(4, *size, 3)).astype("float32") for size in sizes]
        before = model.get_weights()
        assert np.isfinite(model.train_on_batch(data, data[0]))
        assert any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(array(loaded(data)), array(model(data)), atol=1e-6)
    assert loaded.get_layer("adain").get_config() == model.get_layer("adain").get_config()


@pytest.mark.parametrize("policy", ["mixed_float16", "bfloat16", "float64"])
def test_dtype_policies(rng, policy):
    content, style = pair(rng, (7e4, 2))  # above float16's range, which autocasting would overflow
    layer = AdaptiveInstanceNormalization(dtype=policy)
    y = layer([content, style])
    if not (keras.config.backend() == "jax" and policy == "float64"):
        assert keras.backend.standardize_dtype(y.dtype) == layer.compute_dtype
    y = array(ops.cast(y, "float32"))
    rounding = {"mixed_float16": 1e-3, "bfloat16": 8e-3, "float64": 1e-5}[policy]
    np.testing.assert_allclose(y, expected(content, style), rtol=rounding, atol=rounding)


def test_integers_are_cast(rng):
    content, style = (rng.integers(0, 255, shape).astype("uint8") for shape in (CONTENT, STYLE))
    y = array(AdaptiveInstanceNormalization()([content, style]))
    np.testing.assert_allclose(y, expected(content, style), rtol=1e-5, atol=1e-4)


def test_config_and_attributes():
    layer = AdaptiveInstanceNormalization(axis=np.int64(1), epsilon=np.float32(0.5))
    config = layer.get_config()
    assert (layer.axis, layer.epsilon) == (1, 0.5) and layer.weights == []
    layer.build([(None, 6, 4), (None, 6, 5)])
    assert layer.get_config() == config
    assert AdaptiveInstanceNormalization.from_config(config).get_config() == config


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([(2, 4, 4, 3), (2, 4, 4, 5)], "as many channels"),
        ([(2, 4, 4, 3), (3, 4, 4, 3)], "as many examples"),
        ([(2, 4, 4, 3), (2, 4, 3)], "same rank"),
        ([(2, 1, 1, 3), (2, 4, 4, 3)], "single value"),
        ([(2, 4, 4, 3), (2, 1, 1, 3)], "single value"),
        ([(2, 3), (2, 3)], "single value"),
        ([(2, 4, 4, 3)], "two inputs"),
        ([(2, 4, 3)] * 3, "two inputs"),
        ((2, 4, 4, 3), "two inputs"),
        ([(2, 4, None), (2, 4, 3)], "known size"),
    ],
    ids=str,
)
def test_wrong_shapes_are_refused(shapes, message):
    with pytest.raises(ValueError, match=message):
        AdaptiveInstanceNormalization().build(shapes)


def test_wrong_inputs_and_masks(rng):
    content, style = pair(rng)
    layer = AdaptiveInstanceNormalization()
    with pytest.raises(ValueError, match="two inputs"):
        layer(content)
    with pytest.raises(ValueError, match="list of two"):
        layer([content, style], mask=np.ones(CONTENT[:-1]))
    with pytest.raises(ValueError, match=r"(?s)mask.*should have the input's shape"):
        layer([content, style], mask=[None, np.ones(CONTENT[:-1])])
    with pytest.raises(ValueError, match="repeat"):
        layer([content, style[:1]])
    for wrong in ({"axis": 0}, {"axis": 4}, {"epsilon": 0}, {"axis": 1.5}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            AdaptiveInstanceNormalization(**wrong).build([CONTENT, STYLE])


def test_a_style_of_mean_0_and_deviation_1_is_instance_normalization(rng):
    content, style = pair(rng)
    style = oracle.normalize(style, (1, 2), epsilon=1e-12).astype("float32")
    y = array(AdaptiveInstanceNormalization(epsilon=1e-7)([content, style]))
    plain = array(InstanceNormalization(epsilon=1e-7)(content))
    np.testing.assert_allclose(y, plain, atol=1e-5)
