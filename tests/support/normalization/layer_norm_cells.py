"""The tests of the layer-normalized LSTM and GRU cells against their formulas in float64."""

import keras
import numpy as np
import oracle
import pytest
from backends import once
from gradients import output_and_gradient
from keras import ops

UNITS, STEPS, FEATURES = 5, 4, 3


def array(tensor):
    return ops.convert_to_numpy(tensor)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sequences(rng, batch=4):
    return rng.normal(1, 2, size=(batch, STEPS, FEATURES)).astype("float32")


class Cell:
    """A cell under test, and what it should compute.

    Attributes:
        cell_class: the cell under test.
        keras_class: Keras' cell without normalization.
        variants: arguments that change the formula, by a name; the first has none.
    """

    def pytest_generate_tests(self, metafunc):
        if "variant" in metafunc.fixturenames:
            metafunc.parametrize("variant", self.variants)

    def formula(self, cell, kernel, recurrent, bias, norm):
        """Returns a step from its input and the states to the states, in float64."""
        raise NotImplementedError

    def make(self, variant=None, units=UNITS, **kwargs):
        settings = {
            "bias_initializer": "random_normal",
            "norm_gamma_initializer": keras.initializers.RandomUniform(0.5, 1.5),
            "norm_beta_initializer": "random_normal",
            **(self.variants[variant] if variant else {}),
        }
        return self.cell_class(units, **{**settings, **kwargs})

    def step_of(self, cell):
        """The cell in float64, from its weights."""
        kernel, recurrent = (
            array(weight).astype("float64") for weight in (cell.kernel, cell.recurrent_kernel)
        )

        def norm(name, x):
            layer = getattr(cell, name)
            gamma, beta = (array(part).astype("float64") for part in (layer.gamma, layer.beta))
            return oracle.normalize(x, (1,), gamma=gamma, beta=beta, epsilon=cell.norm_epsilon)

        bias = array(cell.bias).astype("float64") if cell.use_bias else np.zeros(kernel.shape[1])
        return self.formula(cell, kernel, recurrent, bias, norm)

    def expected(self, cell, x, mask=None, states=None, every=False):
        """Outputs and last states; a masked step changes no state, and repeats the output."""
        step = self.step_of(cell)
        states = states or [np.zeros((len(x), size)) for size in np.atleast_1d(cell.state_size)]
        outputs = []
        for t in range(x.shape[1]):
            new = step(x[:, t].astype("float64"), *states)
            if mask is not None:
                new = [np.where(mask[:, t, None], a, b) for a, b in zip(new, states, strict=True)]
            states = list(new)
            outputs.append(states[0])
        return (np.stack(outputs, 1) if every else states[0]), states


class FormulaTests(Cell):
    """Outputs, gradients, masks, dropout and dtypes."""

    def test_equals_the_formula_and_its_gradient_through_time(self, rng, variant):
        x, cell = sequences(rng), self.make(variant)
        rnn = keras.layers.RNN(cell, return_sequences=True)
        rnn.build(x.shape)
        weights, direction = rng.normal(size=(4, STEPS, UNITS)), rng.normal(size=x.shape)
        y, slope = output_and_gradient(rnn, x, weights.astype("float32"))
        np.testing.assert_allclose(y, self.expected(cell, x, every=True)[0], atol=2e-5)

        def at(step):
            return (self.expected(cell, x + step * direction, every=True)[0] * weights).sum()

        wanted = (at(1e-5) - at(-1e-5)) / 2e-5
        assert (slope * direction).sum() == pytest.approx(wanted, rel=1e-3, abs=1e-3)

    def test_initial_states_and_a_single_step(self, rng):
        x, cell = sequences(rng), self.make()
        cell.build((None, FEATURES))
        _, states = self.expected(cell, x[:, :3])
        states = [state.astype("float32") for state in states]
        wanted = self.expected(cell, x)[0]
        y = array(keras.layers.RNN(cell)(x[:, 3:], initial_state=states))
        np.testing.assert_allclose(y, wanted, atol=2e-5)
        np.testing.assert_allclose(array(cell(x[:, 3], states)[0]), wanted, atol=2e-5)

    def test_masked_steps_change_nothing(self, rng):
        x, cell = sequences(rng), self.make()
        mask = np.arange(STEPS) < np.array([[4], [3], [1], [4]])
        mask[3, 1] = False  # a gap
        rnn = keras.layers.RNN(cell)
        y = array(rnn(x, mask=mask))
        np.testing.assert_allclose(y, self.expected(cell, x, mask)[0], atol=2e-5)
        spoiled = np.where(mask[..., None], x, 1e3).astype("float32")
        np.testing.assert_array_equal(array(rnn(spoiled, mask=mask)), y)

    @pytest.mark.parametrize("argument", ["dropout", "recurrent_dropout"])
    def test_dropout_drops_in_training_only(self, rng, argument):
        x, cell = sequences(rng), self.make(seed=1, **{argument: 0.5})
        rnn = keras.layers.RNN(cell, return_sequences=True)
        inference = array(rnn(x))
        np.testing.assert_allclose(inference, self.expected(cell, x, every=True)[0], atol=2e-5)
        first, second = array(rnn(x, training=True)), array(rnn(x, training=True))
        assert np.abs(first - inference).max() > 1e-2
        assert np.abs(first - second).max() > 1e-2

    def test_dropout_is_one_mask_for_the_whole_sequence(self, rng):
        x, cell = sequences(rng, 8), self.make(seed=3, dropout=0.5)
        outputs = array(keras.layers.RNN(cell)(x, training=True))
        by_mask = [
            self.expected(cell, x * 2 * np.array(bits))[0]  # what is kept is doubled
            for bits in np.ndindex(2, 2, 2)
        ]
        errors = np.abs(outputs - by_mask).max(axis=2)
        assert (errors.min(axis=0) < 1e-4).all()
        assert len({*errors.argmin(axis=0)}) > 1  # each example has its own

    @pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64"])
    def test_dtype_policies(self, rng, policy):
        if keras.config.backend() == "jax" and policy == "float64":
            pytest.skip("JAX needs jax_enable_x64")
        x, cell = sequences(rng), self.make(dtype=policy)
        y = keras.layers.RNN(cell, dtype=policy)(x)
        assert keras.backend.standardize_dtype(y.dtype) == cell.compute_dtype
        atol = {"mixed_float16": 4e-3, "mixed_bfloat16": 4e-2, "float64": 1e-6}[policy]
        y = array(ops.cast(y, "float32"))
        np.testing.assert_allclose(y, self.expected(cell, x)[0], atol=atol)

    @once
    def test_the_size_of_the_input_does_not_matter(self, rng):
        """What layer normalization is for: the state stays in range whatever the input's scale."""
        x, rnn = sequences(rng), keras.layers.RNN(self.make(norm_epsilon=1e-6))
        y, scaled = (array(rnn(z)) for z in (x, 1000 * x))
        np.testing.assert_allclose(scaled, y, atol=1e-3)
