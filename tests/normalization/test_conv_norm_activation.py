import keras
import numpy as np
import oracle
import pytest
from keras import ops

from kerasnorm.normalization import ConvNormActivation, GroupNormalization, names
from kerasnorm.surgery import inspect

SHAPES = {3: (2, 8, 3), 4: (2, 8, 6, 3), 5: (2, 4, 4, 4, 3)}
SPATIAL = {3: (1,), 4: (1, 2), 5: (1, 2, 3)}


def pointwise(block, x):
    """A 1×1 convolution is a matrix product, which NumPy can follow."""
    return x.astype("float64") @ ops.convert_to_numpy(block.weights[0]).reshape(3, -1)


@pytest.mark.parametrize("rank", SHAPES)
@pytest.mark.parametrize("name", [None, *names()])
def test_is_convolution_then_norm_then_activation(rng, rank, name):
    x = rng.normal(size=SHAPES[rank]).astype("float32")
    block = ConvNormActivation(4, 1, normalization=name)
    y = ops.convert_to_numpy(block(x, training=True))
    hidden = pointwise(block, x)
    if name is not None:
        every = tuple(range(rank))
        axes = {"instance": SPATIAL[rank], "group": SPATIAL[rank], "layer": (rank - 1,)}
        groups = {"groups": 4} if name == "group" else {}  # the largest divisor of 4 up to 32
        axes["filter_response"] = SPATIAL[rank]
        formulas = {"filter_response": oracle.filter_response, "switchable": oracle.switchable}
        formula = formulas.get(name, oracle.normalize)
        hidden = formula(hidden, axes.get(name, every[:-1]), **groups)
    np.testing.assert_allclose(y, np.maximum(hidden, 0), atol=1e-5)


@pytest.mark.parametrize("rank", SHAPES)
@pytest.mark.parametrize(("pool", "reduce"), [("max", np.max), ("average", np.mean)])
def test_pools_last(rng, rank, pool, reduce):
    x = rng.normal(size=SHAPES[rank]).astype("float32")
    block = ConvNormActivation(4, 1, normalization=None, activation=None, pool=pool)
    y = ops.convert_to_numpy(block(x))
    hidden = pointwise(block, x)
    split = [SHAPES[rank][0]]
    for size in SHAPES[rank][1:-1]:
        split += [size // 2, 2]
    pooled = reduce(hidden.reshape(*split, 4), axis=tuple(2 * a for a in SPATIAL[rank]))
    np.testing.assert_allclose(y, pooled, atol=1e-5)
    assert block.compute_output_shape(x.shape) == y.shape


@pytest.mark.parametrize(
    ("settings", "bias"),
    [
        ({}, False),
        ({"normalization": None}, True),
        ({"normalization": {"class_name": "batch", "config": {"center": False}}}, True),
        ({"use_bias": True}, True),
    ],
)
def test_the_convolution_has_a_bias_only_where_the_norm_has_none(settings, bias):
    block = ConvNormActivation(4, 3, **settings)
    block.build((None, 8, 8, 3))
    assert any(weight.name == "bias" for weight in block.weights) is bias


def test_group_takes_the_largest_divisor_and_a_layer_is_a_template(rng):
    template = GroupNormalization(groups=2, epsilon=0.1)
    blocks = [ConvNormActivation(48, 1, normalization=n) for n in ("group", template, template)]
    for block in blocks:
        block.build((None, 8, 8, 3))
    groups = [[s for s in block._stages if hasattr(s, "groups")][1] for block in blocks]
    assert [norm.groups for norm in groups] == [24, 2, 2]
    assert groups[1] is not groups[2] and not template.built
    assert all(layer is not template for layer in blocks[1]._flatten_layers())


def test_a_template_is_no_layer_of_the_model():
    """It is never built, so a table of the model's layers said that the model is not built."""
    block = ConvNormActivation(4, 3, normalization=GroupNormalization(groups=2))
    model = keras.Sequential([keras.Input((8, 8, 3)), block])
    classes = [row["layer_class"] for row in inspect(model).rows]
    assert classes == ["Conv2D", "GroupNormalization", "Activation"]


@pytest.mark.parametrize(
    "settings",
    [
        {"normalization": "group", "pool": "max", "kernel_initializer": "he_normal"},
        {"normalization": GroupNormalization(groups=2, epsilon=0.1)},
        {
            "normalization": None,
            "activation": None,
            "kernel_initializer": keras.initializers.Ones(),
        },
        {"dtype": "mixed_float16", "strides": 2, "kernel_regularizer": keras.regularizers.L2(0.1)},
    ],
    ids=["by name", "by layer", "none", "half precision"],
)
def test_saved_and_loaded(rng, tmp_path, settings):
    inputs = keras.Input((None, None, 3))
    block = ConvNormActivation(8, 3, name="block", **settings)
    config = block.get_config()
    model = keras.Model(inputs, block(inputs))
    assert block.get_config() == config
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    x = rng.normal(size=(2, 8, 8, 3)).astype("float32")
    np.testing.assert_array_equal(ops.convert_to_numpy(loaded(x)), ops.convert_to_numpy(model(x)))
    assert loaded.get_layer("block").get_config() == config


def test_a_frozen_block_stays_frozen_in_a_file(tmp_path):
    model = keras.Sequential([keras.Input((8, 8, 3)), ConvNormActivation(4, 3, trainable=False)])
    model.save(tmp_path / "model.keras")
    for block in (model, keras.saving.load_model(tmp_path / "model.keras")):
        assert not any(weight.trainable for weight in block.weights)


def test_channels_first_normalizes_the_first_axis():
    block = ConvNormActivation(4, 3, normalization="layer", data_format="channels_first")
    block.build((None, 3, 8, 6))
    sizes = {weight.name: tuple(weight.shape) for weight in block.weights}
    assert sizes["gamma"] == (4,)
    assert block.compute_output_shape((None, 3, 8, 6)) == (None, 4, 8, 6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"normalization": "bach"}, "'batch', 'sync_batch'"),
        ({"pool": "maximum"}, "'max', 'average', None"),
        ({"filters": 4.5}, "filters"),
        ({"strydes": 2}, "strydes"),
    ],
)
def test_wrong_arguments_are_refused(settings, message):
    with pytest.raises((ValueError, TypeError), match=message):
        ConvNormActivation(**{"filters": 4, "kernel_size": 3, **settings}).build((None, 8, 8, 3))


def test_a_wrong_rank_is_refused():
    with pytest.raises(ValueError, match=r"rank 3.*rank 4.*rank 5"):
        ConvNormActivation(4, 3).build((None, 8))


def test_trains(rng):
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), ConvNormActivation(8, 3, pool="max"), keras.layers.Flatten()]
    )
    model.compile(keras.optimizers.SGD(0.5), "mse")
    x, y = rng.normal(size=(16, 8, 8, 3)), np.zeros((16, 128))
    history = model.fit(x, y, epochs=5, verbose=0).history["loss"]
    assert history[-1] < history[0] / 2
