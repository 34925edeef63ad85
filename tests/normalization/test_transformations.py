"""What frameworks do with functions, done with layers: as with Keras' own, or better."""

import itertools

import keras
import numpy as np
import pytest
from normalization.kernel_layers import array

from kerasnorm import normalization as kn

BACKEND = keras.config.backend()
SHAPE = (3, 4, 5, 8)
LAYERS = {
    "batch, no estimates": lambda: kn.BatchNormalization(track_statistics=False),
    "layer": kn.LayerNormalization,
    "instance": kn.InstanceNormalization,
    "group": lambda: kn.GroupNormalization(4),
    "filter response": kn.FilterResponseNormalization,
    "WeightStandardization": lambda: kn.WeightStandardization(keras.layers.Dense(4)),
}
WITH_ESTIMATES = {
    "batch": kn.BatchNormalization,
    "instance, with estimates": lambda: kn.InstanceNormalization(track_statistics=True),
}
every_layer = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)


def in_turn(*modes):
    """Parametrizes over the layers, each with the next way to call it."""
    pairs = zip(LAYERS.items(), itertools.cycle(modes))
    params = [pytest.param(make, mode, id=f"{name}-{mode}") for (name, make), mode in pairs]
    return pytest.mark.parametrize(("make", "training"), params)


def values(seed, shape=SHAPE):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def push_forward(function, x, tangent):
    if BACKEND == "jax":
        import jax

        return jax.jvp(function, (x,), (tangent,))[1]
    if BACKEND == "torch":
        import torch

        return torch.func.jvp(function, (torch.tensor(x),), (torch.tensor(tangent),))[1]
    import tensorflow as tf

    x = tf.constant(x)
    with tf.autodiff.ForwardAccumulator(x, tf.constant(tangent)) as accumulator:
        y = function(x)
    return accumulator.jvp(y)


def vectorized(function, x):
    if BACKEND == "jax":
        import jax

        return jax.vmap(function)(x)
    if BACKEND == "torch":
        import torch

        return torch.func.vmap(function)(torch.tensor(x))
    import tensorflow as tf

    return tf.vectorized_map(function, tf.constant(x), fallback_to_while_loop=False)


def gradient(function, x):
    if BACKEND == "jax":
        import jax

        return jax.grad(function)(x)
    if BACKEND == "torch":
        import torch

        return torch.func.grad(function)(x)
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.gradient(y, x)


@in_turn(True, None)
@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_forward_mode(make, training):
    layer, x, tangent = make(), values(0), values(1)
    layer.build(SHAPE)
    found = array(push_forward(lambda x: layer(x, training=training), x, tangent))
    step = 1e-2
    ends = (array(layer(x + sign * step * tangent, training=training)) for sign in (1, -1))
    above, below = (end.astype("float64") for end in ends)
    np.testing.assert_allclose(found, (above - below) / (2 * step), atol=3e-3)


@in_turn(None, True)
def test_each_example_has_its_gradient(make, training):
    layer, x = make(), values(2)
    layer.build(SHAPE)

    def loss(example):
        return keras.ops.sum(layer(example[None], training=training) ** 3)

    found = array(vectorized(lambda example: gradient(loss, example), x))
    one_by_one = [array(gradient(loss, keras.ops.convert_to_tensor(example))) for example in x]
    np.testing.assert_allclose(found, np.stack(one_by_one), atol=2e-4, rtol=2e-4)


def trained(make, remat):
    keras.utils.set_random_seed(0)
    with keras.RematScope("full" if remat else None):
        layer = make()
    model = keras.Sequential([keras.Input(SHAPE[1:]), layer, keras.layers.Flatten()])
    model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
    model.train_on_batch(values(3) + 2, values(4, (3, 160)))
    return [array(weight) for weight in model.weights]


@pytest.mark.parametrize(
    "make",
    [LAYERS["group"], WITH_ESTIMATES["batch"], kn.SwitchableNormalization],
    ids=["group", "batch", "switchable"],
)
def test_rematerialized(make):
    """The estimates move once, though the layer may be computed twice."""
    for found, expected in zip(trained(make, True), trained(make, False), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.skipif(BACKEND != "torch", reason="torch.compile")
@pytest.mark.parametrize(
    ("make", "training"),
    [
        (LAYERS["group"], True),
        (WITH_ESTIMATES["batch"], True),
        (LAYERS["instance"], False),
        (LAYERS["WeightStandardization"], False),
        (kn.SwitchableNormalization, True),
        (lambda: kn.WeightNormalization(keras.layers.Dense(4), data_init=False), True),
        (lambda: kn.SpectralNormalization(keras.layers.Dense(4)), True),
        (lambda: kn.ConvNormActivation(4, 3, normalization="group"), True),
    ],
    ids=[
        *("group", "batch", "instance", "WeightStandardization", "switchable"),
        *("WeightNormalization", "SpectralNormalization", "ConvNormActivation"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_compiled_by_torch_as_one_graph(make, training):
    import torch

    layer, x = make(), torch.tensor(values(5))
    layer.build(SHAPE)
    start = layer.get_weights()
    expected = array(layer(x, training=training))
    layer.set_weights(start)  # vectors of SpectralNormalization, estimates
    torch._dynamo.reset()
    compiled = torch.compile(lambda x: layer(x, training=training), fullgraph=True, backend="eager")
    np.testing.assert_allclose(array(compiled(x)), expected, atol=1e-5)


@pytest.mark.skipif(BACKEND == "tensorflow", reason="torch.export and jax.export")
@every_layer
def test_exported_as_a_program(make):
    layer, x = make(), values(6)
    layer.build(SHAPE)
    expected = array(layer(x, training=False))
    if BACKEND == "jax":
        import jax

        function = jax.jit(lambda x: layer(x, training=False))
        found = jax.export.export(function)(jax.ShapeDtypeStruct(SHAPE, "float32")).call(x)
    else:
        import torch

        inputs = (torch.tensor(x),)
        program = torch.export.export(layer, inputs, {"training": False}, strict=False)
        found = program.module()(*inputs, training=False)
    np.testing.assert_allclose(array(found), expected, atol=1e-5)
