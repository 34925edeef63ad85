"""Converts weights of CuDNNLSTM and CuDNNGRU, which Keras 3 lacks, to LSTM and GRU."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

Arrays = dict[str, np.ndarray]
_GATES: dict[type, int] = {keras.layers.LSTMCell: 4, keras.layers.GRUCell: 3}


def adapter_of(cell: Any) -> Callable[[Arrays], Arrays] | None:
    """Returns what brings a cell's weights into Keras' form, None if it is no such cell.

    cuDNN has two biases for each gate, one after the other, and keeps the kernels gate by gate,
    the input's transposed. Weights that are Keras' own, by the bias' shape, stay as they are.
    """
    gates = next((n for cls, n in _GATES.items() if isinstance(cell, cls)), None)
    if gates is None:
        return None

    def adapt(arrays: Arrays) -> Arrays:
        bias = arrays.get("bias")
        if bias is None or bias.shape != (2 * gates * cell.units,):
            return arrays
        bias = bias.reshape(2, -1)
        return {
            "kernel": _by_gate(arrays["kernel"], gates, _read_by_columns),
            "recurrent_kernel": _by_gate(arrays["recurrent_kernel"], gates, np.transpose),
            "bias": bias.sum(0) if gates == 4 else bias,
        }

    return adapt


def _by_gate(kernel: np.ndarray, gates: int, change: Callable) -> np.ndarray:
    return np.hstack([change(part) for part in np.hsplit(kernel, gates)])


def _read_by_columns(part: np.ndarray) -> np.ndarray:
    return part.T.reshape(part.shape, order="F")
