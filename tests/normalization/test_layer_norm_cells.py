"""Layer-normalized LSTM and GRU cells: against the formula in float64, and in Keras' RNN."""

import keras
import numpy as np
import oracle
import pytest
from gradients import gradient
from keras import ops

from kerasnorm.normalization import LayerNormGRUCell, LayerNormLSTMCell

UNITS, STEPS, FEATURES = 5, 4, 3
CELLS = {
    "lstm": (LayerNormLSTMCell, {}),
    "lstm of the paper": (LayerNormLSTMCell, {"normalize_carry": False}),
    "lstm without bias": (LayerNormLSTMCell, {"use_bias": False, "norm_epsilon": 0.1}),
    "gru": (LayerNormGRUCell, {}),
    "gru, reset before": (LayerNormGRUCell, {"reset_after": False}),
    "gru without bias": (LayerNormGRUCell, {"use_bias": False, "activation": "elu"}),
}
every_cell = pytest.mark.parametrize("name", CELLS)
# the others differ from these in what neither dropout nor the dtype nor the size reaches
most_cells = pytest.mark.parametrize("name", ["lstm", "gru", "gru, reset before"])


def array(tensor):
    return ops.convert_to_numpy(tensor)


def make(name, units=UNITS, **kwargs):
    cell_class, settings = CELLS[name]
    return cell_class(
        units, bias_initializer="random_normal", **{**random_norms(), **settings, **kwargs}
    )


def random_norms():
    near_one = keras.initializers.RandomUniform(0.5, 1.5)
    return {"norm_gamma_initializer": near_one, "norm_beta_initializer": "random_normal"}


def sequences(rng, batch=4):
    return rng.normal(1, 2, size=(batch, STEPS, FEATURES)).astype("float32")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def step_of(cell):
    """The cell in float64, from its weights."""
    kernel, recurrent = (array(w).astype("float64") for w in (cell.kernel, cell.recurrent_kernel))

    def norm(name, x):
        layer = getattr(cell, name)
        gamma, beta = (array(part).astype("float64") for part in (layer.gamma, layer.beta))
        return oracle.normalize(x, (1,), gamma=gamma, beta=beta, epsilon=cell.norm_epsilon)

    bias = array(cell.bias).astype("float64") if cell.use_bias else np.zeros(kernel.shape[1])
    arguments = cell, kernel, recurrent, bias, norm
    return lstm_step(*arguments) if isinstance(cell, LayerNormLSTMCell) else gru_step(*arguments)


def lstm_step(cell, kernel, recurrent, bias, norm):
    def step(x, h, c):
        gates = norm("kernel_norm", x @ kernel) + norm("recurrent_norm", h @ recurrent) + bias
        i, f, g, o = np.split(gates, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        normalized = norm("state_norm", c)
        h = sigmoid(o) * np.tanh(normalized)
        return h, normalized if cell.normalize_carry else c

    return step


def gru_step(cell, kernel, recurrent, bias, norm):
    activation = {"tanh": np.tanh, "elu": lambda x: np.where(x > 0, x, np.expm1(x))}
    activation = activation[keras.activations.serialize(cell.activation)]
    u = cell.units
    first, second = bias if bias.ndim == 2 else (bias, 0 * bias)

    def step(x, h):
        gates = norm("kernel_norm", x @ kernel[:, : 2 * u])
        gates = gates + norm("recurrent_norm", h @ recurrent[:, : 2 * u])
        z, r = np.split(sigmoid(gates + first[: 2 * u] + second[: 2 * u]), 2, axis=1)
        inputs = norm("candidate_kernel_norm", x @ kernel[:, 2 * u :]) + first[2 * u :]
        if cell.reset_after:
            past = norm("candidate_recurrent_norm", h @ recurrent[:, 2 * u :]) + second[2 * u :]
            past = r * past
        else:
            past = norm("candidate_recurrent_norm", (r * h) @ recurrent[:, 2 * u :])
        return (z * h + (1 - z) * activation(inputs + past),)

    return step


def expected(cell, x, mask=None, states=None, every=False):
    """Outputs and last states; a masked step changes no state, and repeats the output."""
    step = step_of(cell)
    count = 2 if isinstance(cell, LayerNormLSTMCell) else 1
    states = states or [np.zeros((len(x), cell.units))] * count
    outputs = []
    for t in range(x.shape[1]):
        new = step(x[:, t].astype("float64"), *states)
        if mask is not None:
            new = [np.where(mask[:, t, None], a, b) for a, b in zip(new, states, strict=True)]
        states = list(new)
        outputs.append(states[0])
    return (np.stack(outputs, 1) if every else states[0]), states


@every_cell
@pytest.mark.parametrize("unroll", [False, True])
def test_equals_the_formula(rng, name, unroll):
    x, cell = sequences(rng), make(name)
    rnn = keras.layers.RNN(cell, return_sequences=True, return_state=True, unroll=unroll)
    y, *states = map(array, rnn(x))
    outputs, last = expected(cell, x, every=True)
    np.testing.assert_allclose(y, outputs, atol=2e-5)
    for found, state in zip(states, last, strict=True):
        np.testing.assert_allclose(found, state, atol=2e-5)


@every_cell
def test_initial_states_and_a_single_step(rng, name):
    cell = make(name)
    x = sequences(rng)
    first, states = expected_after_build(cell, x[:, :3])
    rnn = keras.layers.RNN(cell)
    y = array(rnn(x[:, 3:], initial_state=[s.astype("float32") for s in states]))
    np.testing.assert_allclose(y, expected(cell, x)[0], atol=2e-5)
    again, _ = cell(x[:, 2], [s.astype("float32") for s in expected(cell, x[:, :2])[1]])
    np.testing.assert_allclose(array(again), first, atol=2e-5)


def expected_after_build(cell, x):
    cell.build((None, FEATURES))
    return expected(cell, x)


@every_cell
def test_gradient_through_time(rng, name):
    x, cell = sequences(rng), make(name)
    rnn = keras.layers.RNN(cell)
    rnn.build(x.shape)
    weights, direction = rng.normal(size=(4, UNITS)), rng.normal(size=x.shape)

    def at(step):
        return (expected(cell, x + step * direction)[0] * weights).sum()

    found = gradient(lambda x: ops.sum(ops.multiply(rnn(x), weights.astype("float32"))), x)
    wanted = (at(1e-5) - at(-1e-5)) / 2e-5
    assert (found * direction).sum() == pytest.approx(wanted, rel=1e-3, abs=1e-3)


@every_cell
def test_masked_steps_change_nothing(rng, name):
    x, cell = sequences(rng), make(name)
    mask = np.arange(STEPS) < np.array([[4], [3], [1], [4]])
    mask[3, 1] = False  # a gap
    y = array(keras.layers.RNN(cell)(x, mask=mask))
    np.testing.assert_allclose(y, expected(cell, x, mask)[0], atol=2e-5)
    spoiled = np.where(mask[..., None], x, 1e3).astype("float32")
    again = array(keras.layers.RNN(cell)(spoiled, mask=mask))
    np.testing.assert_array_equal(again, y)


@every_cell
def test_embedding_masks_reach_it_and_bidirectional_reads_both_ways(rng, name):
    tokens = np.array([[3, 1, 2, 0, 0], [1, 4, 0, 0, 0]])
    inputs = keras.Input((None,), dtype="int32")
    embedding = keras.layers.Embedding(6, FEATURES, mask_zero=True)
    both = keras.layers.Bidirectional(keras.layers.RNN(make(name)))
    y = array(keras.Model(inputs, both(embedding(inputs)))(tokens))
    x, mask = array(embedding(tokens)), tokens > 0
    forward = expected(both.forward_layer.cell, x, mask)[0]
    backward = expected(both.backward_layer.cell, x[:, ::-1], mask[:, ::-1])[0]
    np.testing.assert_allclose(y, np.concatenate([forward, backward], 1), atol=2e-5)


@every_cell
def test_stateful(rng, name):
    x, cell = sequences(rng), make(name)
    rnn = keras.layers.RNN(cell, stateful=True)
    rnn(x[:, :2])
    y = array(rnn(x[:, 2:]))
    np.testing.assert_allclose(y, expected(cell, x)[0], atol=2e-5)
    rnn.reset_state()
    np.testing.assert_allclose(array(rnn(x)), expected(cell, x)[0], atol=2e-5)


def test_stacked_cells(rng):
    x, cells = sequences(rng), [make("lstm", 4), make("gru", 6)]
    y = array(keras.layers.RNN(cells)(x))
    hidden = expected(cells[0], x, every=True)[0]
    np.testing.assert_allclose(y, expected(cells[1], hidden)[0], atol=2e-5)


@most_cells
@pytest.mark.parametrize("argument", ["dropout", "recurrent_dropout"])
def test_dropout_drops_in_training_only(rng, name, argument):
    x = sequences(rng)
    cell = make(name, seed=1, **{argument: 0.5})
    rnn = keras.layers.RNN(cell, return_sequences=True)
    inference = array(rnn(x))
    np.testing.assert_allclose(inference, expected(cell, x, every=True)[0], atol=2e-5)
    first, second = array(rnn(x, training=True)), array(rnn(x, training=True))
    assert np.abs(first - inference).max() > 1e-2
    assert np.abs(first - second).max() > 1e-2


@most_cells
def test_dropout_is_one_mask_for_the_whole_sequence(rng, name):
    cell = make(name, seed=3, dropout=0.5)
    x = sequences(rng, 8)
    outputs = array(keras.layers.RNN(cell)(x, training=True))
    by_mask = [
        expected(cell, x * 2 * np.array(bits))[0]  # what is kept is doubled
        for bits in np.ndindex(2, 2, 2)
    ]
    errors = np.abs(outputs - by_mask).max(axis=2)
    assert (errors.min(axis=0) < 1e-4).all()
    assert len({*errors.argmin(axis=0)}) > 1  # each example has its own


@most_cells
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64"])
def test_dtype_policies(rng, name, policy):
    x, cell = sequences(rng), make(name, dtype=policy)
    y = keras.layers.RNN(cell, dtype=policy)(x)
    if keras.config.backend() == "jax" and policy == "float64":
        policy = "float32"  # which is what JAX computes
    else:
        assert keras.backend.standardize_dtype(y.dtype) == cell.compute_dtype
    tolerance = {"mixed_float16": 4e-3, "mixed_bfloat16": 4e-2, "float64": 1e-6}.get(policy, 2e-5)
    np.testing.assert_allclose(array(ops.cast(y, "float32")), expected(cell, x)[0], atol=tolerance)


@every_cell
def test_every_weight_is_trained_saved_and_loaded(rng, tmp_path, name):
    """Eagerly: what is traced and compiled is another test's."""
    inputs = keras.Input((STEPS, FEATURES))
    cell = make(name, dropout=0.2, recurrent_dropout=0.2, seed=2)
    hidden = keras.layers.RNN(cell, name="rnn")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(hidden))
    model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
    x = sequences(rng)
    before = [array(weight) for weight in model.trainable_weights]
    model.train_on_batch(x, x.mean((1, 2), keepdims=True)[:, 0])
    for weight, old in zip(model.trainable_weights, before, strict=True):
        assert np.abs(array(weight) - old).max() > 0, weight.path
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(array(loaded(x)), array(model(x)), atol=1e-6)
    assert loaded.get_layer("rnn").cell.get_config() == cell.get_config()


@pytest.mark.parametrize("name", ["lstm", "gru, reset before"])
def test_trains(rng, name):
    """Compiled, which takes seconds a cell: on TensorFlow the one by XLA, the other without it."""
    jit = {"tensorflow": name == "lstm", "jax": True, "torch": False}[keras.config.backend()]
    cell = make(name, dropout=0.2, recurrent_dropout=0.2, seed=2)
    model = keras.Sequential(
        [keras.Input((STEPS, FEATURES)), keras.layers.RNN(cell), keras.layers.Dense(1)]
    )
    model.compile(keras.optimizers.SGD(0.05), "mse", jit_compile=jit)
    x = sequences(rng, 32)
    target = x.mean((1, 2), keepdims=True)[:, 0]
    history = model.fit(x, target, batch_size=32, epochs=30, verbose=0).history["loss"]
    assert history[-1] < 0.7 * history[0]


@every_cell
def test_config_and_attributes(name):
    cell = make(name, units=np.int64(UNITS), dropout=np.float32(0.25), recurrent_dropout=0.5)
    config = cell.get_config()
    cell.build((None, FEATURES))
    assert cell.get_config() == config
    assert type(cell).from_config(config).get_config() == config
    assert type(cell.units) is int and (cell.dropout, cell.recurrent_dropout) == (0.25, 0.5)


@pytest.mark.parametrize("ours", [LayerNormLSTMCell, LayerNormGRUCell])
def test_arguments_are_those_of_keras_in_order(ours):
    theirs = {LayerNormLSTMCell: keras.layers.LSTMCell, LayerNormGRUCell: keras.layers.GRUCell}
    activations = ("elu", "hard_sigmoid", False, "ones", "zeros", "ones")
    config = theirs[ours](4, *activations, name="cell").get_config()
    mine = ours(4, *activations, name="cell").get_config()
    assert config.items() <= mine.items()


@pytest.mark.parametrize("ours", [LayerNormLSTMCell, LayerNormGRUCell])
@pytest.mark.parametrize(
    "wrong",
    [
        {"units": 0},
        {"units": 1},
        {"units": 2.5},
        {"units": None},
        {"dropout": 1},
        {"dropout": -0.1},
        {"recurrent_dropout": float("nan")},
        {"recurrent_dropout": "a"},
        {"norm_epsilon": 0},
        {"norm_epsilon": None},
    ],
    ids=str,
)
def test_wrong_arguments(ours, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ours(**{"units": 4, **wrong})


@most_cells
def test_the_size_of_the_input_does_not_matter(rng, name):
    """What layer normalization is for: the state stays in range whatever the input's scale."""
    cell = make(name, norm_epsilon=1e-6)
    x = sequences(rng)
    cell.build((None, FEATURES))
    y, scaled = (array(keras.layers.RNN(cell)(z)) for z in (x, 1000 * x))
    np.testing.assert_allclose(scaled, y, atol=1e-3)
