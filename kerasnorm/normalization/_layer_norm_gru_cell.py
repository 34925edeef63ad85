from typing import Any

import keras
from keras import ops

from kerasnorm._types import Activation, Constraint, Initializer, Regularizer, Shape, Tensor
from kerasnorm.normalization._layer_norm_cell import LayerNormCell


@keras.saving.register_keras_serializable(package="kerasnorm")
class LayerNormGRUCell(LayerNormCell, keras.layers.GRUCell):
    """GRU cell whose gates and candidate are layer-normalized at every step.

    Use it in recurrent networks, where batch normalization does not apply; it has a quarter fewer
    weights than `LayerNormLSTMCell`. Use it in `keras.layers.RNN`.

        z, r = σ(LN(x·W) + LN(h·U) + b)           (each LN over the 2·units of both gates)
        g = tanh(LN(x·V) + b + r ⊙ (LN(h·R) + b′))
        h′ = z ⊙ h + (1 − z) ⊙ g

    That is Ba et al.'s, the reset gate r applied after the product; with `reset_after=False`,
    the older convention, g = tanh(LN(x·V) + LN((r ⊙ h)·R) + b). (Ba et al. write 1 − z for z.)

    Args:
        units: An int above 1, the size of the output and of the state.
        activation, recurrent_activation: Names or functions, of g, and of the gates.
        use_bias: Whether to add biases. (The β of the norms do the same.)
        kernel_initializer, recurrent_initializer, bias_initializer: For (W, V), (U, R) and
            the biases.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: Optional regularizers.
        kernel_constraint, recurrent_constraint, bias_constraint: Optional constraints.
        dropout, recurrent_dropout: Floats in [0, 1), shares of x and h to drop in training; the
            same ones for both gates, the candidate and every step of a sequence.
        reset_after: Whether the reset gate multiplies h·R, normalized, or h. Defaults to True.
        seed: Optional int, of the dropout. Defaults to None.
        norm_gamma_initializer, norm_beta_initializer: Initializers of the norms' γ and β.
        norm_epsilon: A float above 0, of the norms. Defaults to 0.001.
        **kwargs: `name`, `dtype`, `trainable`.

    Attributes:
        kernel_norm, recurrent_norm: The `LayerNormalization`s of x·W and h·U, of the gates.
        candidate_kernel_norm, candidate_recurrent_norm: The same of x·V and h·R.

    Call arguments:
        inputs: Tensor (N, features), a step of the sequence.
        states: Tensor (N, units), or a list of it.
        training: Bool, whether to drop.

    Input shape:
        `(N, features)`; `keras.layers.RNN` takes (N, T, features).

    Output shape:
        `(N, units)`, and the new state, of that shape.

    Example:

    >>> import numpy as np
    >>> layer = keras.layers.Bidirectional(keras.layers.RNN(LayerNormGRUCell(8)))
    >>> tuple(layer(np.ones((2, 5, 3), "float32")).shape)
    (2, 16)

    Raises:
        ValueError: For units, dropout or epsilon out of range. A single unit has no deviation.

    See also:
        `LayerNormLSTMCell`; `LayerNormalization`.

    Reference:
        Ba, Kiros and Hinton, 2016, Layer normalization, https://arxiv.org/abs/1607.06450
        (supplement)
    """

    def __init__(
        self,
        units: int,
        activation: Activation = "tanh",
        recurrent_activation: Activation = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Initializer = "glorot_uniform",
        recurrent_initializer: Initializer = "orthogonal",
        bias_initializer: Initializer = "zeros",
        kernel_regularizer: Regularizer = None,
        recurrent_regularizer: Regularizer = None,
        bias_regularizer: Regularizer = None,
        kernel_constraint: Constraint = None,
        recurrent_constraint: Constraint = None,
        bias_constraint: Constraint = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
        seed: int | None = None,
        norm_gamma_initializer: Initializer = "ones",
        norm_beta_initializer: Initializer = "zeros",
        norm_epsilon: float = 1e-3,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            reset_after=bool(reset_after),
            seed=seed,
            norm_gamma_initializer=norm_gamma_initializer,
            norm_beta_initializer=norm_beta_initializer,
            norm_epsilon=norm_epsilon,
            **kwargs,
        )
        self.kernel_norm = self._create_norm("kernel_norm")
        self.recurrent_norm = self._create_norm("recurrent_norm")
        self.candidate_kernel_norm = self._create_norm("candidate_kernel_norm")
        self.candidate_recurrent_norm = self._create_norm("candidate_recurrent_norm")

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        self.kernel_norm.build((None, 2 * self.units))
        self.recurrent_norm.build((None, 2 * self.units))
        self.candidate_kernel_norm.build((None, self.units))
        self.candidate_recurrent_norm.build((None, self.units))

    def call(self, inputs: Tensor, states: Tensor, training: bool = False) -> tuple[Tensor, Tensor]:
        nested = isinstance(states, (list, tuple))
        before = states[0] if nested else states
        inputs, h = self._drop(inputs, before, training)
        gates, candidate = self._split(ops.matmul(inputs, self.kernel))
        gates = self.kernel_norm(gates) + self.recurrent_norm(
            ops.matmul(h, self.recurrent_kernel[:, : 2 * self.units])
        )
        candidate = self.candidate_kernel_norm(candidate)
        biases, recurrent_bias = self._biases(gates.dtype)
        z, r = ops.split(self.recurrent_activation(gates + biases[0]), 2, axis=-1)
        matrix = self.recurrent_kernel[:, 2 * self.units :]
        if self.reset_after:
            recurrent = self.candidate_recurrent_norm(ops.matmul(h, matrix))
            recurrent = r * (recurrent + recurrent_bias)
        else:
            recurrent = self.candidate_recurrent_norm(ops.matmul(r * h, matrix))
        candidate = self.activation(candidate + biases[1] + recurrent)
        h = z * before + (1 - z) * candidate
        return h, [h] if nested else h

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Splits what belongs to the gates from what belongs to the candidate."""
        return x[..., : 2 * self.units], x[..., 2 * self.units :]

    def _biases(self, dtype: str) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """Returns the biases of gates and candidate, and the candidate's inside the reset."""
        if not self.use_bias:
            return (0, 0), 0
        bias = ops.cast(self.bias, dtype)
        if not self.reset_after:
            return self._split(bias), 0
        (gates, candidate), (recurrent_gates, recurrent) = map(self._split, (bias[0], bias[1]))
        return (gates + recurrent_gates, candidate), recurrent
