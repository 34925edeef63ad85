"""What TensorFlow compiles, and the private function that says so."""

import keras
import numpy as np
import pytest

if keras.config.backend() != "tensorflow":
    pytest.skip("graphs of TensorFlow", allow_module_level=True)

import oracle
import tensorflow as tf

from kerasnorm import normalization as kn
from kerasnorm.backend import _tensorflow as backend

LARGE = (2, 16, 16, 32)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_xla_is_noticed_while_tracing(jit_compile):
    """Fails when TensorFlow moves: the layers would then be slow, and right, under XLA."""
    seen = []
    tf.function(lambda: seen.append(backend._in_xla()), jit_compile=jit_compile)()
    assert seen == [jit_compile]
    assert not backend._in_xla()


@pytest.mark.parametrize("size", [0, 7, 1024, 1031, 2500])
@pytest.mark.parametrize("known", [True, False])
def test_rows_of_any_number_are_added_up(rng, size, known):
    x = rng.normal(size=(size, 3)).astype("float32")
    total = tf.function(
        lambda x: backend._total(x, (0,)),
        input_signature=[tf.TensorSpec((size if known else None, 3))],
    )
    expected = x.sum(0, "float64", keepdims=True)
    np.testing.assert_allclose(total(x).numpy(), expected, atol=1e-4)


def compiled_functions(layer, shape, training):
    """Returns how many functions in the graph of a step XLA must compile."""

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=training)
        return y, tape.gradient(y, x, x)

    graph = step.get_concrete_function(tf.TensorSpec(shape)).graph.as_graph_def()
    functions = graph.library.function
    return sum(function.attr["_XlaMustCompile"].b for function in functions)


@pytest.mark.parametrize(
    "shape, training, expected",
    [
        (LARGE, True, 2),
        ((None, *LARGE[1:]), True, 2),
        (LARGE, False, 0),  # converters of models do not know compiled functions
        ((2, None, None, 32), True, 0),  # each size would be compiled
        ((2, 4, 4, 32), True, 0),
    ],
    ids=["large", "any batch", "inference", "any size", "small"],
)
def test_large_training_graphs_are_compiled(shape, training, expected):
    layer = kn.GroupNormalization(8)
    layer.build(LARGE)
    assert compiled_functions(layer, shape, training) == expected


@pytest.mark.parametrize("make", [kn.InstanceNormalization, kn.BatchNormalization])
def test_two_layers_of_one_shape_share_what_is_compiled(make):
    assert compiled_functions(keras.Sequential([make(), make()]), LARGE, True) == 2


@pytest.mark.parametrize(("jit_compile", "unbiased"), [(False, True), (True, False)])
def test_compiled_graphs_move_the_estimates(rng, jit_compile, unbiased):
    """Each layer its own, though they share what is compiled, and once a step."""
    x = (rng.normal(size=LARGE) * 3 + 1e4).astype("float32")
    first, second = (kn.BatchNormalization(momentum=0.9, unbiased=unbiased) for _ in "12")
    model = keras.Sequential([first, second])
    model.build(LARGE)
    step = tf.function(model, jit_compile=jit_compile)
    for _ in range(2):
        step(x, training=True)
    size = x.size / LARGE[-1]
    for layer, given in ((first, x), (second, oracle.normalize(x, (0, 1, 2)))):
        mean, variance = given.mean((0, 1, 2), "float64"), given.var((0, 1, 2), "float64")
        variance = variance * (size / (size - 1) if unbiased else 1)
        expected = 0.19 * mean, 0.81 + 0.19 * variance
        for estimate, value in zip(layer.non_trainable_weights, expected, strict=True):
            np.testing.assert_allclose(estimate.numpy(), value, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("shape", [(32, 16, 16, 8), (4, 128, 128, 8)], ids=str)
def test_a_few_large_numbers_leave_the_others_their_part(rng, shape):
    x = rng.normal(size=shape).astype("float32")
    x[0, : shape[1] // 8] += 1000
    expected = oracle.normalize(x, (0, 1, 2))
    layer = kn.BatchNormalization()
    for function in (layer, tf.function(layer), tf.function(layer, jit_compile=True)):
        error = np.abs(function(x, training=True).numpy() - expected).max()
        assert error < 2e-6 * np.abs(expected).max()


@pytest.mark.parametrize(
    "make, axes, groups",
    [
        (kn.BatchNormalization, (0, 1, 2), None),
        (kn.LayerNormalization, (3,), None),
        (lambda: kn.GroupNormalization(8), (1, 2), 8),
    ],
    ids=["batch", "layer", "group"],
)
def test_graphs_compiled_and_not_are_the_formula(rng, make, axes, groups):
    layer = make()
    layer.build(LARGE)
    functions = (tf.function(layer), tf.function(layer, jit_compile=True), layer)
    for mean in (0, 1e4):
        x = (rng.normal(size=LARGE) + mean).astype("float32")
        expected = oracle.normalize(x, axes, groups=groups)
        for function in functions:
            np.testing.assert_allclose(function(x, training=True).numpy(), expected, atol=1e-5)
