"""LayerNormLSTMCell: its formula, for the tests that the cells share."""

from typing import ClassVar

import keras
import numpy as np
from normalization.layer_norm_cells import FormulaTests, sigmoid
from normalization.layer_norm_cells_in_keras import KerasTests

from kerasnorm.normalization import LayerNormLSTMCell


class TestLayerNormLSTMCell(FormulaTests, KerasTests):
    cell_class = LayerNormLSTMCell
    keras_class = keras.layers.LSTMCell
    variants: ClassVar = {
        "default": {},
        "of the paper": {"normalize_carry": False},
        "without bias": {"use_bias": False, "norm_epsilon": 0.1},
    }

    def formula(self, cell, kernel, recurrent, bias, norm):
        def step(x, h, c):
            gates = norm("kernel_norm", x @ kernel) + norm("recurrent_norm", h @ recurrent) + bias
            i, f, g, o = np.split(gates, 4, axis=1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            normalized = norm("state_norm", c)
            h = sigmoid(o) * np.tanh(normalized)
            return h, normalized if cell.normalize_carry else c

        return step
