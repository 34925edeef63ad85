"""Loads models of TensorFlow Addons and Keras 2 with neither installed."""

from kerasnorm.migrate._activations import gelu_tanh, hard_sigmoid_of_keras_2, sparsemax
from kerasnorm.migrate._addons_tlu import AddonsTLU
from kerasnorm.migrate._fold_weight_norm import fold_weight_norm
from kerasnorm.migrate._load_tfa_model import (
    Translated,
    load_and_list,
    load_tfa_model,
    load_tfa_weights,
)
from kerasnorm.migrate._refusals import ERRORS

__all__ = [
    "fold_weight_norm",
    "gelu_tanh",
    "hard_sigmoid_of_keras_2",
    "load_tfa_model",
    "load_tfa_weights",
    "sparsemax",
]
