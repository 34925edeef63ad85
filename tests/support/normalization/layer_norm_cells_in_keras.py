"""The tests of the layer-normalized LSTM and GRU cells in what Keras makes of cells."""

import keras
import numpy as np
import pytest
from backends import once
from normalization.layer_norm_cells import FEATURES, STEPS, UNITS, Cell, array, sequences


class KerasTests(Cell):
    """Keras' RNN and Bidirectional, training, files, and the arguments of Keras' cells."""

    def test_unrolled(self, rng):
        x, cell = sequences(rng), self.make()
        rnn = keras.layers.RNN(cell, return_sequences=True, return_state=True, unroll=True)
        y, *states = map(array, rnn(x))
        outputs, last = self.expected(cell, x, every=True)
        np.testing.assert_allclose(y, outputs, atol=2e-5)
        for found, state in zip(states, last, strict=True):
            np.testing.assert_allclose(found, state, atol=2e-5)

    @once
    def test_embedding_masks_reach_it_and_bidirectional_reads_both_ways(self):
        tokens = np.array([[3, 1, 2, 0, 0], [1, 4, 0, 0, 0]])
        inputs = keras.Input((None,), dtype="int32")
        embedding = keras.layers.Embedding(6, FEATURES, mask_zero=True)
        both = keras.layers.Bidirectional(keras.layers.RNN(self.make()))
        y = array(keras.Model(inputs, both(embedding(inputs)))(tokens))
        x, mask = array(embedding(tokens)), tokens > 0
        forward = self.expected(both.forward_layer.cell, x, mask)[0]
        backward = self.expected(both.backward_layer.cell, x[:, ::-1], mask[:, ::-1])[0]
        np.testing.assert_allclose(y, np.concatenate([forward, backward], 1), atol=2e-5)

    @once
    def test_stateful(self, rng):
        x, cell = sequences(rng), self.make()
        rnn = keras.layers.RNN(cell, stateful=True)
        rnn(x[:, :2])
        y = array(rnn(x[:, 2:]))
        np.testing.assert_allclose(y, self.expected(cell, x)[0], atol=2e-5)
        rnn.reset_state()
        np.testing.assert_allclose(array(rnn(x)), self.expected(cell, x)[0], atol=2e-5)

    @once
    def test_stacked_cells(self, rng):
        x, cells = sequences(rng), [self.make(units=4), self.make(units=6)]
        y = array(keras.layers.RNN(cells)(x))
        hidden = self.expected(cells[0], x, every=True)[0]
        np.testing.assert_allclose(y, self.expected(cells[1], hidden)[0], atol=2e-5)

    def test_every_weight_is_trained_saved_and_loaded(self, rng, tmp_path):
        """Compiled, which takes seconds: on TensorFlow the LSTM by XLA, the GRU without it."""
        lstm = self.keras_class is keras.layers.LSTMCell
        jit = {"tensorflow": lstm, "jax": True, "torch": False}[keras.config.backend()]
        cell = self.make(dropout=0.2, recurrent_dropout=0.2, seed=2)
        inputs = keras.Input((STEPS, FEATURES))
        hidden = keras.layers.RNN(cell, name="rnn")(inputs)
        model = keras.Model(inputs, keras.layers.Dense(1)(hidden))
        model.compile(keras.optimizers.SGD(0.05), "mse", jit_compile=jit)
        before = [array(weight) for weight in model.trainable_weights]
        x = sequences(rng, 32)
        target = x.mean((1, 2), keepdims=True)[:, 0]
        losses = []
        for _ in range(30):
            model.reset_metrics()  # or it returns the mean of all batches since then
            losses.append(model.train_on_batch(x, target))
        assert losses[-1] < 0.7 * losses[0]
        for weight, old in zip(model.trainable_weights, before, strict=True):
            assert np.abs(array(weight) - old).max() > 0, weight.path
        model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras")
        np.testing.assert_allclose(array(loaded(x)), array(model(x)), atol=1e-6)
        assert loaded.get_layer("rnn").cell.get_config() == cell.get_config()

    @once
    def test_config_and_attributes(self, variant):
        rates = {"dropout": np.float32(0.25), "recurrent_dropout": 0.5}
        cell = self.make(variant, units=np.int64(UNITS), **rates)
        config = cell.get_config()
        cell.build((None, FEATURES))
        assert cell.get_config() == config
        assert type(cell).from_config(config).get_config() == config
        assert type(cell.units) is int and (cell.dropout, cell.recurrent_dropout) == (0.25, 0.5)

    @once
    def test_arguments_are_those_of_keras_in_order(self):
        activations = ("elu", "hard_sigmoid", False, "ones", "zeros", "ones")
        config = self.keras_class(4, *activations, name="cell").get_config()
        mine = self.cell_class(4, *activations, name="cell").get_config()
        assert config.items() <= mine.items()

    @once
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
    def test_wrong_arguments(self, wrong):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            self.cell_class(**{"units": 4, **wrong})
