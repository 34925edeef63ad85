"""What TensorFlow compiles, and the private function that says so."""

import keras
import numpy as np
import pytest

if keras.config.backend() != "tensorflow":
    pytest.skip("graphs of TensorFlow", allow_module_level=True)

import oracle
import tensorflow as tf

from kerasnorm import normalization as kn
from kerasnorm.backend import _pieces as pieces
from kerasnorm.backend import _tensorflow as backend

LARGE = (2, 32, 32, 64)


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
        (LARGE, True, 4),
        ((None, *LARGE[1:]), True, 4),
        ((2, 20, 20, 64), True, 2),  # its sums take less time than it takes to compile them
        (LARGE, False, 0),  # converters of models do not know compiled functions
        ((2, None, None, 64), True, 0),  # each size would be compiled
        ((2, 4, 4, 64), True, 0),
    ],
    ids=["large", "any batch", "middle", "inference", "any size", "small"],
)
def test_large_training_graphs_are_compiled(shape, training, expected):
    layer = kn.GroupNormalization(8)
    layer.build(LARGE)
    assert compiled_functions(layer, shape, training) == expected


@pytest.mark.parametrize("make", [kn.InstanceNormalization, kn.BatchNormalization])
def test_two_layers_of_one_shape_share_what_is_compiled(make):
    assert compiled_functions(keras.Sequential([make(), make()]), LARGE, True) == 4


def test_layers_of_several_kinds_share_what_is_compiled():
    layers = [kn.BatchNormalization(), kn.BatchNormalization(epsilon=1e-5)]
    layers += [kn.InstanceNormalization(), kn.GroupNormalization(8)]
    # sums over positions and over all axes are two
    assert compiled_functions(keras.Sequential(layers), (None, *LARGE[1:]), True) < 4 * 3


def chosen_sizes(sizes):
    """Returns for which batches of these sizes, one after the other, a new graph is compiled."""
    shape = (None, *LARGE[1:-1], 48)
    chosen = tf.function(pieces.is_compiled_size, input_signature=[tf.TensorSpec(shape)])
    return [bool(chosen(tf.zeros((size, *shape[1:])))) for size in sizes]


def test_batches_of_other_sizes_are_not_compiled(monkeypatch):
    monkeypatch.setattr(pieces, "_known_sizes", {})
    assert chosen_sizes([0, 4, 3, 4, 8, 3]) == [False, True, False, True, False, False]
    assert chosen_sizes([8, 4]) == [True, False]  # another training has another size
    assert pieces.worth_compiling((6, *LARGE[1:-1], 48))
    assert chosen_sizes([4, 6, 3]) == [True, True, False]


def test_two_sizes_that_are_known_are_compiled(monkeypatch):
    """A loop that traces its step for each size would else compile it for each."""
    monkeypatch.setattr(pieces, "_known_sizes", {})
    found = [pieces.worth_compiling((size, *LARGE[1:])) for size in (4, 3, 2, 4)]
    assert found == [True, True, False, True]


@pytest.mark.parametrize(
    "make",
    [kn.BatchNormalization, kn.LayerNormalization, lambda: kn.GroupNormalization(8)],
    ids=["batch", "layer", "group"],
)
def test_compiled_or_not_a_step_is_the_same(rng, make):
    layer = make()
    layer.build(LARGE)
    x, dy = ((rng.normal(size=LARGE) + mean).astype("float32") for mean in (100, 0))

    def step(x, dy):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
        return y, *tape.gradient(y, [x, layer.gamma.value, layer.beta.value], dy)

    graph = tf.function(step, input_signature=[tf.TensorSpec((None, *LARGE[1:]))] * 2)
    for size in (2, 1):  # the second is not compiled
        expected = step(*map(tf.constant, (x[:size], dy[:size])))
        for found, value in zip(graph(x[:size], dy[:size]), expected, strict=True):
            np.testing.assert_allclose(found, value, rtol=2e-5, atol=2e-5 * np.abs(value).max())


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
