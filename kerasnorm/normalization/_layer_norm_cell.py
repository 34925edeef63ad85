"""Holds the base class of layer-normalized recurrent cells."""

from typing import Any

import keras

from kerasnorm._types import Initializer, Tensor
from kerasnorm._validation import as_int, as_number
from kerasnorm.normalization._layer_normalization import LayerNormalization


class LayerNormCell:
    """Arguments and dropout of a layer-normalized cell; a mixin before a Keras cell."""

    def __init__(
        self,
        units: int,
        *,
        dropout: float,
        recurrent_dropout: float,
        norm_gamma_initializer: Initializer,
        norm_beta_initializer: Initializer,
        norm_epsilon: float,
        **kwargs: Any,
    ) -> None:
        units = as_int("units", units, 2)
        dropout = as_number("dropout", dropout, 0, 1)
        recurrent_dropout = as_number("recurrent_dropout", recurrent_dropout, 0, 1)
        super().__init__(units, dropout=dropout, recurrent_dropout=recurrent_dropout, **kwargs)
        # Keras drops apart for each gate where h is dropped; a norm spans all of them.
        self.dropout_mask_count = None
        self.norm_gamma_initializer = keras.initializers.get(norm_gamma_initializer)
        self.norm_beta_initializer = keras.initializers.get(norm_beta_initializer)
        self.norm_epsilon = as_number("norm_epsilon", norm_epsilon, 0, interval="()")

    def _create_norm(self, name: str) -> LayerNormalization:
        return LayerNormalization(
            epsilon=self.norm_epsilon,
            beta_initializer=self.norm_beta_initializer,
            gamma_initializer=self.norm_gamma_initializer,
            dtype=self.dtype_policy,
            name=name,
        )

    def _drop(self, inputs: Tensor, state: Tensor, training: bool | None) -> tuple[Tensor, Tensor]:
        """Returns the step and the state without what dropout takes away in training."""
        if training and self.dropout:
            inputs = inputs * self.get_dropout_mask(inputs)
        if training and self.recurrent_dropout:
            state = state * self.get_recurrent_dropout_mask(state)
        return inputs, state

    def get_config(self) -> dict[str, Any]:
        initializers = keras.initializers
        return {
            **super().get_config(),
            "norm_gamma_initializer": initializers.serialize(self.norm_gamma_initializer),
            "norm_beta_initializer": initializers.serialize(self.norm_beta_initializer),
            "norm_epsilon": self.norm_epsilon,
        }
