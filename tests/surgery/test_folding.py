"""Batch normalization computed by the layer in front of it; the rest stays and is named."""

import itertools
import warnings

import keras
import numpy as np
import pytest
from backends import once
from keras import layers
from surgery.reading import paths_of, state
from surgery.surgery_models import MODELS, SEQUENCE, SHAPE, outputs, randomised

from kerasnorm import normalization as norms
from kerasnorm.surgery import convert_sync_batchnorm, fold_batchnorm, freeze_statistics

BATCH = (layers.BatchNormalization, norms.BatchNormalization)
IMAGE, VOLUME, LINE = (9, 10, 6), (5, 5, 5, 4), (9, 6)
FOLDABLE = [
    (layers.Dense(5), (6,)),
    (layers.Dense(5), IMAGE),
    (layers.Conv1D(8, 3, strides=2), LINE),
    (layers.Conv2D(8, 3, padding="same", dilation_rate=2), IMAGE),
    (layers.Conv2D(9, 3, groups=3), IMAGE),
    (layers.Conv3D(8, 3), VOLUME),
    (layers.Conv1DTranspose(8, 3, strides=2), LINE),
    (layers.Conv2DTranspose(8, 3, strides=2, padding="same"), IMAGE),
    (layers.Conv3DTranspose(8, 3), VOLUME),
    (layers.DepthwiseConv1D(3, depth_multiplier=2), LINE),
    (layers.DepthwiseConv2D(3, depth_multiplier=3), IMAGE),
    (layers.SeparableConv1D(8, 3, depth_multiplier=2), LINE),
    (layers.SeparableConv2D(8, 3), IMAGE),
]


def random_weights(model, rng):
    for weight in model.weights:
        low, high = (0.5, 2) if weight.name in ("gamma", "moving_variance") else (-1, 1)
        weight.assign(rng.uniform(low, high, weight.shape))
    return model


def difference(first, second, x):
    return np.abs(np.subtract(*(keras.ops.convert_to_numpy(m(x)) for m in (first, second)))).max()


@pytest.mark.parametrize(
    ("conv", "shape", "bias"),
    [(*each, bias) for each, bias in zip(FOLDABLE, itertools.cycle([True, False]))],
    ids=lambda v: type(v).__name__ if isinstance(v, keras.Layer) else str(v),
)
def test_every_layer_that_can_take_it(rng, conv, shape, bias):
    conv = type(conv).from_config({**conv.get_config(), "use_bias": bias})
    norm = layers.BatchNormalization(epsilon=0.3, name="bn")
    model = random_weights(keras.Sequential([keras.Input(shape), conv, norm]), rng)
    before = state(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        folded = fold_batchnorm(model)
    assert state(model) == before
    assert [type(layer) for layer in folded.layers] == [type(conv), layers.Identity]
    x = rng.normal(1, 2, (3, *shape)).astype("float32")
    assert difference(model, folded, x) < 1e-4


@once
@pytest.mark.parametrize("first", [layers.BatchNormalization, norms.BatchNormalization])
@pytest.mark.parametrize(("center", "scale"), [(True, False), (False, True), (False, False)])
def test_without_gamma_or_beta(rng, first, center, scale):
    stack = [layers.Conv2D(4, 3), first(center=center, scale=scale)]
    model = random_weights(keras.Sequential([keras.Input(SHAPE), *stack]), rng)
    folded = fold_batchnorm(model)
    assert not paths_of(folded, *BATCH)
    assert difference(model, folded, rng.normal(size=(2, *SHAPE))) < 1e-5


LEFT = {  # kind: how many stay
    "functional": 0,
    "sequential": 0,
    "nested": 0,
    "shared": 1,
    "several": 0,
    "listed": 0,
    "wrapped": 1,
    "recurrent": 1,
    "preprocessed": 0,
    "composite": 3,
    "masked": 1,
    "subclassed": 4,
}


@once
@pytest.mark.parametrize("kind", MODELS)
def test_models_of_every_kind(kind):
    model = randomised(kind)
    before = state(model)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        folded = fold_batchnorm(model)
    assert state(model) == before
    assert len(paths_of(folded, *BATCH)) == LEFT[kind]
    said = [
        str(w.message) for w in caught if "batch normalizations are not folded" in str(w.message)
    ]
    assert len(said) == (LEFT[kind] > 0)
    for path in paths_of(folded, *BATCH):
        assert f"'{path}'" in said[0]
    for mine, theirs in zip(outputs(folded, kind), outputs(model, kind), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-4)


def build(function, shape=SHAPE):
    inputs = keras.Input(shape)
    return keras.Model(inputs, function(inputs))


def conv(**settings):
    return layers.Conv2D(4, 3, padding="same", name="conv", **settings)


def norm(**settings):
    return layers.BatchNormalization(name="bn", **settings)


def twice(x):
    layer = conv()
    return layers.add([norm()(layer(x)), layer(x)])


def elsewhere(x):
    y = conv()(x)
    return layers.add([norm()(y), y])


def also_output():
    inputs = keras.Input(SHAPE)
    y = conv()(inputs)
    return keras.Model(inputs, [norm()(y), y])


def norm_twice(x):
    layer = norm()
    return layer(layer(conv()(x)))


class OwnCall(keras.Model):
    """Built as a graph, and computed by code: here, with the statistics of the batch."""

    def call(self, inputs, training=None, mask=None):
        return self.get_layer("bn")(self.get_layer("conv")(inputs), training=True)


def own_call():
    inputs = keras.Input(SHAPE)
    return OwnCall(inputs, norm()(conv()(inputs)))


def half(x):
    return norm(dtype="mixed_float16")(conv()(x))


def nested_in_training(x):
    inner = keras.Input(SHAPE)
    return keras.Model(inner, norm()(conv()(inner)), name="in")(x, training=True)


STAY = {
    "conv used twice": (lambda: build(twice), "'conv', which is called more than once"),
    "output used elsewhere": (lambda: build(elsewhere), "whose output is also used elsewhere"),
    "output of the model": (also_output, "whose output is also used elsewhere"),
    "norm used twice": (lambda: build(norm_twice), "'bn' is called more than once"),
    "activation": (
        lambda: build(lambda x: norm()(conv(activation="relu")(x))),
        "the activation of",
    ),
    "activation layer": (
        lambda: build(lambda x: norm()(layers.ReLU()(conv()(x)))),
        "comes after ReLU",
    ),
    "training": (
        lambda: build(lambda x: norm()(conv()(x), training=True)),
        "'bn' is called with `training=True`",
    ),
    "nested in training": (lambda: build(nested_in_training), "'in/bn' is called with `training"),
    "code": (own_call, "'bn' is called by the code of OwnCall"),
    "axis": (lambda: build(lambda x: norm(axis=1)(conv()(x))), "normalizes axis 1"),
    "dtype": (lambda: build(half), "computes in float16, and 'conv' in float32"),
    "input": (lambda: build(lambda x: norm()(x)), "comes after InputLayer"),
    "operation": (lambda: build(lambda x: norm()(conv()(x) * 2.0)), "comes after Multiply"),
    "mask": (
        lambda: build(lambda x: norm()(layers.Dense(3)(layers.Masking()(x))), SEQUENCE),
        "'bn' gets a mask",
    ),
    "no statistics": (
        lambda: build(
            lambda x: norms.BatchNormalization(track_statistics=False, name="bn")(conv()(x))
        ),
        "keeps no moving statistics",
    ),
    "wrapper": (
        lambda: build(lambda x: norm()(norms.WeightStandardization(conv(), name="ws")(x))),
        "comes after WeightStandardization 'ws'",
    ),
}


@once
@pytest.mark.parametrize("case", STAY)
def test_what_cannot_be_folded_rightly_stays_and_is_named(rng, case):
    make, said = STAY[case]
    model = random_weights(make(), rng)
    with pytest.warns(UserWarning, match="1 of 1 batch normalizations are not folded") as caught:
        folded = fold_batchnorm(model)
    assert any(said in str(warning.message) for warning in caught)
    x = rng.normal(size=(2, *model.input_shape[1:])).astype("float32")
    for first, second in zip(
        keras.tree.flatten(model(x)), keras.tree.flatten(folded(x)), strict=True
    ):
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (first, second)))


def test_frozen_statistics_fold_even_in_training(rng):
    model = random_weights(build(lambda x: norm()(conv()(x), training=True)), rng)
    freeze_statistics(model)
    folded = fold_batchnorm(model)
    assert not paths_of(folded, *BATCH)
    assert difference(model, folded, rng.normal(size=(2, *SHAPE))) < 1e-5


@once
def test_synchronous_ones_fold_too():
    model = randomised("functional")
    folded = fold_batchnorm(convert_sync_batchnorm(model))
    assert not paths_of(folded, *BATCH)
    for mine, theirs in zip(
        outputs(folded, "functional"), outputs(model, "functional"), strict=True
    ):
        np.testing.assert_allclose(mine, theirs, atol=1e-4)


def test_a_large_mean_does_not_cancel(rng):
    model = random_weights(build(lambda x: norm()(conv()(x))), rng)
    x = rng.normal(50, 1, (2, *SHAPE)).astype("float32")
    model.get_layer("bn").moving_mean.assign([1e3, -1e3, 300.0, 5.0])
    folded = fold_batchnorm(model)
    scale = np.abs(keras.ops.convert_to_numpy(model(x))).max()
    assert difference(model, folded, x) < 1e-5 * scale


def test_a_compiled_model_stays_compiled(rng):
    model = build(lambda x: norm()(conv()(x)))
    model.compile("adam", "mse")
    folded = fold_batchnorm(model)
    assert folded.compiled and folded.optimizer is not model.optimizer
    x = rng.normal(size=(4, *SHAPE)).astype("float32")
    assert folded.evaluate(x, x, verbose=0) == pytest.approx(
        model.evaluate(x, x, verbose=0), rel=1e-4
    )
