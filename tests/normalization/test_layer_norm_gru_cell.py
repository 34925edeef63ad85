"""LayerNormGRUCell: its formula, for the tests that the cells share, and its dropout."""

from typing import ClassVar

import keras
import numpy as np
from normalization.layer_norm_cells import FEATURES, FormulaTests, array, sigmoid
from normalization.layer_norm_cells_in_keras import KerasTests

from kerasnorm.normalization import LayerNormGRUCell

ACTIVATIONS = {"tanh": np.tanh, "elu": lambda x: np.where(x > 0, x, np.expm1(x))}


class TestLayerNormGRUCell(FormulaTests, KerasTests):
    cell_class = LayerNormGRUCell
    keras_class = keras.layers.GRUCell
    variants: ClassVar = {
        "default": {},
        "reset before": {"reset_after": False},
        "without bias": {"use_bias": False, "activation": "elu"},
    }

    def formula(self, cell, kernel, recurrent, bias, norm):
        activation = ACTIVATIONS[keras.activations.serialize(cell.activation)]
        u = cell.units
        first, second = bias if bias.ndim == 2 else (bias, 0 * bias)

        def step(x, before, h=None):
            """`h` is the state that the gates and the candidate see, `before` what is carried."""
            h = before if h is None else h
            gates = norm("kernel_norm", x @ kernel[:, : 2 * u])
            gates = gates + norm("recurrent_norm", h @ recurrent[:, : 2 * u])
            z, r = np.split(sigmoid(gates + first[: 2 * u] + second[: 2 * u]), 2, axis=1)
            candidate = norm("candidate_kernel_norm", x @ kernel[:, 2 * u :]) + first[2 * u :]
            matrix = recurrent[:, 2 * u :]
            if cell.reset_after:
                past = r * (norm("candidate_recurrent_norm", h @ matrix) + second[2 * u :])
            else:
                past = norm("candidate_recurrent_norm", (r * h) @ matrix)
            return (z * before + (1 - z) * activation(candidate + past),)

        return step

    def test_dropout_of_the_state_leaves_the_carried_one_whole(self, rng):
        cell = self.make(units=3, seed=1, recurrent_dropout=0.5)
        x, h = (rng.normal(size=(8, size)).astype("float32") for size in (FEATURES, 3))
        cell.build(x.shape)
        found = array(cell(x, h, training=True)[0])
        step = self.step_of(cell)
        by_mask = [step(x, h, 2 * h * np.array(bits))[0] for bits in np.ndindex(2, 2, 2)]
        errors = np.abs(found - by_mask).max(axis=2)
        assert (errors.min(axis=0) < 1e-4).all()
        assert len({*errors.argmin(axis=0)}) > 1
