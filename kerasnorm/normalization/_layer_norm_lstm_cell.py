from typing import Any

import keras
from keras import ops

from kerasnorm._types import Activation, Constraint, Initializer, Regularizer, Shape, Tensor
from kerasnorm.normalization._layer_norm_cell import LayerNormCell


@keras.saving.register_keras_serializable(package="kerasnorm")
class LayerNormLSTMCell(LayerNormCell, keras.layers.LSTMCell):
    """LSTM cell whose gates are layer-normalized at every step.

    Use it in recurrent networks, where batch normalization does not apply: every step, and every
    length of sequence, would need its own statistics. Use it in `keras.layers.RNN`.

        i, f, g, o = LN(x·W) + LN(h·U) + b        (each LN over the 4·units of all gates)
        c′ = LN(σ(f) ⊙ c + σ(i) ⊙ tanh(g)),  h′ = σ(o) ⊙ tanh(c′)

    Like TensorFlow Addons' cell of this name, whose weights fit, it carries the normalized c′ to
    the next step. Ba et al. carry c before its normalization: `normalize_carry=False`.

    Args:
        units: An int above 1, the size of the output and of either state.
        activation, recurrent_activation: Names or functions, of g and c′, and of the gates.
        use_bias: Whether to add b. (The β of the norms do the same, except for the initial 1 of
            `unit_forget_bias`.)
        kernel_initializer, recurrent_initializer, bias_initializer: For W, U and b.
        unit_forget_bias: Whether b starts at 1 for the gate f. Defaults to True.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: Optional regularizers.
        kernel_constraint, recurrent_constraint, bias_constraint: Optional constraints.
        dropout, recurrent_dropout: Floats in [0, 1), shares of x and h to drop in training; the
            same ones for every gate and step of a sequence.
        seed: Optional int, of the dropout. Defaults to None.
        norm_gamma_initializer, norm_beta_initializer: Initializers of the norms' γ and β.
        norm_epsilon: A float above 0, of the norms. Defaults to 0.001.
        normalize_carry: Whether the normalized c′ is carried, or c before its normalization.
            Defaults to True.
        **kwargs: `name`, `dtype`, `trainable`.

    Attributes:
        kernel_norm, recurrent_norm, state_norm: The `LayerNormalization`s of x·W, h·U and c.

    Call arguments:
        inputs: Tensor (N, features), a step of the sequence.
        states: List of two tensors (N, units), h and c.
        training: Bool, whether to drop.

    Input shape:
        `(N, features)`; `keras.layers.RNN` takes (N, T, features).

    Output shape:
        `(N, units)`, and a list of the two new states of that shape.

    Example:

    >>> import numpy as np
    >>> layer = keras.layers.RNN(LayerNormLSTMCell(8), return_sequences=True)
    >>> tuple(layer(np.ones((2, 5, 3), "float32")).shape)
    (2, 5, 8)

    Raises:
        ValueError: For units, dropout or epsilon out of range. A single unit has no deviation.

    See also:
        `LayerNormGRUCell`; `LayerNormalization`.

    Reference:
        Ba, Kiros and Hinton, 2016, Layer normalization, https://arxiv.org/abs/1607.06450
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
        unit_forget_bias: bool = True,
        kernel_regularizer: Regularizer = None,
        recurrent_regularizer: Regularizer = None,
        bias_regularizer: Regularizer = None,
        kernel_constraint: Constraint = None,
        recurrent_constraint: Constraint = None,
        bias_constraint: Constraint = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        norm_gamma_initializer: Initializer = "ones",
        norm_beta_initializer: Initializer = "zeros",
        norm_epsilon: float = 1e-3,
        normalize_carry: bool = True,
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
            unit_forget_bias=unit_forget_bias,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            norm_gamma_initializer=norm_gamma_initializer,
            norm_beta_initializer=norm_beta_initializer,
            norm_epsilon=norm_epsilon,
            **kwargs,
        )
        self.normalize_carry = bool(normalize_carry)
        self.kernel_norm = self._create_norm("kernel_norm")
        self.recurrent_norm = self._create_norm("recurrent_norm")
        self.state_norm = self._create_norm("state_norm")

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        self.kernel_norm.build((None, 4 * self.units))
        self.recurrent_norm.build((None, 4 * self.units))
        self.state_norm.build((None, self.units))

    def call(
        self, inputs: Tensor, states: list[Tensor], training: bool = False
    ) -> tuple[Tensor, list[Tensor]]:
        inputs, h = self._drop(inputs, states[0], training)
        gates = self.kernel_norm(ops.matmul(inputs, self.kernel))
        gates = gates + self.recurrent_norm(ops.matmul(h, self.recurrent_kernel))
        if self.use_bias:
            gates = gates + ops.cast(self.bias, gates.dtype)
        i, f, g, o = ops.split(gates, 4, axis=-1)
        c = self.recurrent_activation(f) * states[1]
        c = c + self.recurrent_activation(i) * self.activation(g)
        normalized = self.state_norm(c)
        h = self.recurrent_activation(o) * self.activation(normalized)
        return h, [h, normalized if self.normalize_carry else c]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "normalize_carry": self.normalize_carry}
