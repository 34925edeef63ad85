"""What WeightNormalization, SpectralNormalization and WeightStandardization share."""

import concurrent.futures
import copy

import keras
import numpy as np
import pytest
from backends import once
from keras import layers, ops
from normalization.kernel_layers import (
    LIGHT_PAIRS,
    PAIRS,
    WRAPPERS,
    array,
    formulas,
    gradient_by,
    inputs_of,
    kernels_of,
    make,
    plain_with,
    set_kernels,
    slope,
    wrap,
    wrap_lightly,
)

from kerasnorm import normalization as kn

# each kind of kernel, and each formula
every_light_pair = pytest.mark.parametrize(("wrapper", "name"), LIGHT_PAIRS)
every_wrapper = pytest.mark.parametrize("wrapper", WRAPPERS)
CLASSES = (kn.WeightNormalization, kn.SpectralNormalization, kn.WeightStandardization)
every_class = pytest.mark.parametrize("layer_class", CLASSES)


@pytest.mark.parametrize(
    ("wrapper", "name"),
    [pytest.param(*pair, marks=() if pair in LIGHT_PAIRS else once) for pair in PAIRS],
)
def test_equals_the_layer_with_the_formula_of_its_kernels(wrapper, name):
    """And `remove` gives that layer."""
    layer, x = wrap(wrapper, name)
    before = layer.get_weights()
    y = layer(x)
    expected = plain_with(wrapper, layer, name)
    np.testing.assert_allclose(array(y), array(expected(x)), atol=2e-5)
    plain = layer.remove()
    assert type(plain) is type(layer.layer) and plain is not layer.layer
    assert plain.get_config() == layer.layer.get_config()
    np.testing.assert_allclose(array(plain(x)), array(y), atol=1e-6)
    assert keras.backend.standardize_dtype(y.dtype) == "float32"
    assert tuple(y.shape) == tuple(layer.compute_output_shape(x.shape))
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@every_light_pair
def test_gradient_is_the_formulas(wrapper, name, rng):
    """Through the layer by autograd, and through the formula by differences in float64."""
    layer, x = wrap(wrapper, name)
    plain = plain_with(wrapper, layer, name)
    weights = rng.normal(size=plain(x).shape).astype("float32")
    pairs = zip(kernels_of(layer, name), kernels_of(plain, name), strict=True)
    for function, pair in zip(formulas(wrapper, layer, name), pairs, strict=True):
        (raw, _), (normalized, _) = pair
        found = gradient_by(layer, raw, x, weights)
        upstream = gradient_by(plain, normalized, x, weights).astype("float64")
        kernel = array(raw).astype("float64")
        for _ in range(3):
            direction = rng.normal(size=kernel.shape)
            expected = slope(function, kernel, direction, upstream)
            scale = np.linalg.norm(found) * np.linalg.norm(direction)
            np.testing.assert_allclose((found * direction).sum(), expected, atol=1e-4 * scale)


@once
@every_light_pair
def test_config_never_changes(wrapper, name):
    layer = wrap_lightly(wrapper, name, name="wrapper")
    before = without_build(layer.get_config())
    layer.build(inputs_of(name).shape)
    assert without_build(layer.get_config()) == before
    for config in (before, layer.get_config()):
        kept = copy.deepcopy(config)
        assert without_build(type(layer).from_config(config).get_config()) == before
        assert config == kept


def without_build(config):
    """Returns a configuration without the shapes that Keras itself adds to it in `build`."""
    if isinstance(config, dict):
        return {k: without_build(v) for k, v in config.items() if k != "build_config"}
    return [without_build(v) for v in config] if isinstance(config, list) else config


@every_light_pair
def test_trains_saves_and_loads(wrapper, name, tmp_path):
    """Eagerly: `test_compiled_and_over_sequences_of_any_length` compiles."""
    layer = wrap_lightly(wrapper, name)
    x = inputs_of(name)
    inputs = keras.Input(x.shape[1:], dtype=str(x.dtype))
    model = keras.Model(inputs, layer(inputs))
    model.compile(keras.optimizers.SGD(0.01), "mse", run_eagerly=True)
    y = np.ones(model.output_shape[1:], "float32")[None].repeat(len(x), 0)
    start = model.get_weights()
    losses = model.fit(x, y, epochs=2, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    kernels = [weight for weight, _ in kernels_of(layer, name)]
    for weight, old in zip(model.weights, start, strict=True):
        if any(weight is kernel for kernel in kernels):
            assert np.abs(array(weight) - old).max() > 0
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(array(loaded(x)), array(model(x)))


def test_compiled_and_over_sequences_of_any_length(rng):
    """Side by side, so that all are compiled at once.

    Keras maps a layer over time with the backend's vectorized map. No tensor stays in a layer: on
    JAX a tracer that does breaks the next call; on torch it keeps a graph alive.
    """
    inputs, found = keras.Input((None, 6)), [cls(layers.Dense(3)) for cls in CLASSES]
    outputs = [layers.TimeDistributed(layer)(inputs) for layer in found]
    model = keras.Model(inputs, layers.Concatenate()(outputs))
    x = rng.normal(size=(8, 4, 6)).astype("float32")
    start = [array(layer.layer.kernel) for layer in found]
    # torch.compile needs a C++ compiler and minutes
    jit_compile = keras.config.backend() != "torch"
    model.compile(keras.optimizers.SGD(0.01), "mse", jit_compile=jit_compile)
    model.train_on_batch(x, np.zeros((8, 4, 9)))
    parts = np.split(model.predict_on_batch(x[:, :3]), 3, -1)
    for layer, old, y in zip(found, start, parts, strict=True):
        plain = layer.remove()
        expected = x[:, :3] @ array(plain.kernel) + array(plain.bias)
        np.testing.assert_allclose(y, expected, atol=1e-5, err_msg=type(layer).__name__)
        np.testing.assert_allclose(array(layer(x[:, :3])), expected, atol=1e-5)
        assert np.abs(array(layer.layer.kernel) - old).max() > 0
        assert isinstance(layer.layer.kernel, keras.Variable)
        assert isinstance(layer.layer.bias, keras.Variable)
        assert layer.layer.activation is keras.activations.linear


@pytest.mark.parametrize(
    ("wrapper", "name"),
    [
        ("weight", "LSTM"),
        ("weight", "Embedding"),
        ("spectral", "Conv1D"),
        ("standardization", "Dense of sequences"),
    ],
)
def test_sequences_of_several_lengths(wrapper, name):
    layer = wrap_lightly(wrapper, name)
    for length in (6, 4):
        x = np.resize(inputs_of(name), (2, length, *inputs_of(name).shape[2:]))
        y = array(layer(x, training=True))
        np.testing.assert_allclose(y.shape, layer.layer(x).shape)
        np.testing.assert_allclose(array(layer(x)), array(layer.remove()(x)), atol=1e-6)


@every_wrapper
def test_mixed_precision_computes_the_kernel_in_float32(wrapper, rng):
    if keras.config.backend() == "torch":
        pytest.skip("torch has no float16 products on the CPU")
    keras.config.set_dtype_policy("mixed_float16")
    layer = WRAPPERS[wrapper][0](layers.Dense(4))
    x = rng.normal(size=(2, 6)).astype("float16")
    y = layer(x, training=True)
    assert keras.backend.standardize_dtype(y.dtype) == "float16"
    # squares of these overflow float16, and of the next vanish in it
    for scale in (1e3, 1e-4):
        layer.layer.kernel.assign(scale * rng.normal(size=(6, 4)))
        layer(x, training=True)
        for kernel in layer.substitutes(training=False).values():
            assert keras.backend.standardize_dtype(kernel.dtype) == "float32"
        assert np.isfinite(array(layer(x))).all()


@every_wrapper
def test_float64(wrapper, rng):
    if keras.config.backend() == "jax":
        pytest.skip("JAX needs jax_enable_x64")
    layer = WRAPPERS[wrapper][0](layers.Dense(4, dtype="float64"))
    x = rng.normal(size=(5, 6))
    layer.build(x.shape)
    set_kernels(layer, "Dense")
    assert array(layer(ops.convert_to_tensor(x, "float64"))).dtype == "float64"
    (kernel,) = layer.substitutes(training=False).values()
    (function,) = formulas(wrapper, layer, "Dense")
    # Keras' own products of float64 tensors are float32's on torch
    rtol = 1e-6 if keras.config.backend() == "torch" else 1e-10
    np.testing.assert_allclose(array(kernel), function(array(layer.layer.kernel)), rtol=rtol)


@pytest.mark.parametrize("layer_class", CLASSES[:2])  # the third has no state
@pytest.mark.parametrize(
    ("name", "frozen"),
    [("Conv2D", "wrapper"), ("Dense", "layer"), ("LSTM", "inference"), ("Dense", "kernel")],
)
def test_what_is_frozen_never_changes(layer_class, name, frozen, rng):
    layer = layer_class(make(name))
    x = inputs_of(name)
    layer.build(x.shape)
    for weight in layer.trainable_variables:  # u does not fit this kernel
        weight.assign(rng.normal(size=weight.shape))
    if frozen == "wrapper":
        layer.trainable = False
    elif frozen == "layer":
        layer.layer.trainable = False
    elif frozen == "kernel":
        layer.layer.kernel.trainable = False
    before = {weight.path: array(weight) for weight in layer.weights}
    for _ in range(2):
        layer(x, training=frozen != "inference")
    for weight in layer.weights:
        if frozen != "kernel" or "vector_u" in weight.path:
            np.testing.assert_array_equal(array(weight), before[weight.path])


@every_wrapper
def test_zero_kernel(wrapper, rng):
    layer = WRAPPERS[wrapper][0](layers.Dense(4, kernel_initializer="zeros"))
    x = rng.normal(size=(5, 6)).astype("float32")
    assert (array(layer(x, training=True)) == 0).all()
    weights = np.ones((5, 4), "float32")
    for variable in layer.trainable_variables:
        assert np.isfinite(gradient_by(layer, variable, x, weights, training=True)).all()
    layer.layer.kernel.assign(rng.normal(size=(6, 4)))  # and it can grow again
    if wrapper == "weight":
        layer.g.assign(np.ones(4))
    assert np.abs(array(layer(x, training=True))).max() > 0


@every_wrapper
@pytest.mark.parametrize("scale", [1e-25, 1e-12, 1e12])
def test_scale_of_the_kernel_does_not_matter(wrapper, scale, rng):
    if wrapper == "standardization" and scale < 1:
        pytest.skip("its epsilon is of the scale of the kernel")
    layer = WRAPPERS[wrapper][0](layers.Dense(4))
    x = rng.normal(size=(5, 6)).astype("float32")
    layer.build(x.shape)
    expected = array(layer(x))
    layer.layer.kernel.assign(scale * array(layer.layer.kernel))
    np.testing.assert_allclose(array(layer(x)), expected, atol=1e-5)


def test_masks_travel_on(rng):
    x = rng.normal(size=(2, 5, 3)).astype("float32")
    x[1, 3:] = 0
    for layer_class in CLASSES:
        inputs = keras.Input((5, 3))
        masked = layers.Masking()(inputs)
        outputs = layer_class(layers.Dense(4))(masked)
        assert outputs._keras_mask is not None
        assert not layer_class(layers.Conv1D(4, 2)).supports_masking


def test_a_recurrent_layer_uses_its_mask(rng):
    x = rng.normal(size=(2, 5, 3)).astype("float32")
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]], bool)
    for layer_class in CLASSES[:2]:
        layer = layer_class(layers.LSTM(4))
        y = array(layer(x, mask=mask))
        np.testing.assert_allclose(y[1], array(layer(x[1:, :2]))[0], atol=1e-6)


def test_embedding_that_masks_zero():
    layer = kn.SpectralNormalization(layers.Embedding(5, 3, mask_zero=True))
    mask = layer.compute_mask(ops.convert_to_tensor([[0, 2]]))
    np.testing.assert_array_equal(array(mask), [[False, True]])
    inputs = keras.Input((4,), dtype="int32")
    assert layer(inputs)._keras_mask is not None


def test_initial_state_and_returned_state(rng):
    x = rng.normal(size=(2, 5, 3)).astype("float32")
    state = [rng.normal(size=(2, 4)).astype("float32") for _ in range(2)]
    layer = kn.WeightNormalization(layers.LSTM(4, return_state=True))
    found = layer(x, initial_state=[ops.convert_to_tensor(part) for part in state])
    plain = layer.layer(x, initial_state=[ops.convert_to_tensor(part) for part in state])
    for one, other in zip(found, plain, strict=True):
        np.testing.assert_allclose(array(one), array(other), atol=1e-6)


def test_regularizer_and_losses_are_the_layers(rng):
    for layer_class in CLASSES:
        layer = layer_class(
            layers.Dense(4, kernel_regularizer="l2", activity_regularizer=keras.regularizers.L2(1))
        )
        y = layer(rng.normal(size=(5, 6)).astype("float32"))
        losses = sorted(array(loss) for loss in layer.losses)
        of_outputs = layers.ActivityRegularization(l2=1)  # over the batch size from Keras 3.14 on
        of_outputs(y)
        expected = [0.01 * (array(layer.layer.kernel) ** 2).sum(), array(of_outputs.losses[0])]
        np.testing.assert_allclose(losses, sorted(expected), rtol=1e-4)


REFUSED = {
    "no kernel": lambda: layers.ReLU(),
    "a cell": lambda: layers.LSTMCell(4),
    "a normalization": lambda: kn.BatchNormalization(),
    "TimeDistributed": lambda: layers.TimeDistributed(layers.Dense(3)),
    "a model": lambda: keras.Sequential([layers.Dense(3)]),
    "no layer": lambda: "Dense",
    **{cls.__name__: lambda cls=cls: cls(layers.Dense(3)) for cls in CLASSES},
}


@once
@every_class
@pytest.mark.parametrize("name", REFUSED)
def test_other_layers_are_refused_and_the_choice_listed(layer_class, name):
    with pytest.raises(ValueError, match=r"Dense, Conv1D, Conv2D.*Received"):
        layer_class(REFUSED[name]())


@once
def test_standardization_refuses_embeddings_and_recurrent_layers():
    for layer in (layers.Embedding(5, 3), layers.LSTM(3)):
        with pytest.raises(ValueError, match=r"SeparableConv2D\. Received"):
            kn.WeightStandardization(layer)


@once
@every_class
def test_remove_before_build(layer_class):
    with pytest.raises(ValueError, match="built before `remove`"):
        layer_class(layers.Dense(3)).remove()


@once
def test_a_quantized_layer_is_refused():
    layer = layers.Dense(3)
    layer.build((None, 4))
    layer.quantize("int8")
    for layer_class in CLASSES:
        with pytest.raises(ValueError, match="quantized"):
            layer_class(layer)


@once
def test_threads_do_not_meet(rng):
    layer = kn.SpectralNormalization(layers.Dense(3))
    x = rng.normal(size=(4, 5)).astype("float32")
    expected = array(layer(x))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for y in pool.map(lambda _: array(layer(x)), range(64)):
            np.testing.assert_array_equal(y, expected)
    assert isinstance(layer.layer.kernel, keras.Variable)
