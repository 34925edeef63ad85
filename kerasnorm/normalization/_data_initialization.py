"""Where a layer's first training batch puts the scale and bias of its outputs."""

import keras
import numpy as np
from keras import ops

from kerasnorm._types import Tensor
from kerasnorm.normalization._kernel_wrapper import wide
from kerasnorm.normalization._kernels import CONVOLUTIONAL, Parameter, substitute
from kerasnorm.normalization._moments import moments

BIAS = Parameter("bias")


def has_data_initialization(layer: keras.layers.Layer) -> bool:
    """Whether the layer's outputs, before the activation, are linear in its last kernel."""
    return isinstance(layer, tuple(CONVOLUTIONAL))


def scale_and_shift(
    layer: keras.layers.Layer, kernels: dict[Parameter, Tensor], inputs: Tensor, mask: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Returns 1/σ and −μ/σ of each output before bias and activation, and where σ is not 0.

    Args:
        layer: A built layer that `has_data_initialization`.
        kernels: What to compute with.
        inputs: What the layer is called with.
        mask: Of positions to leave out, or None.
    """
    attributes = {"activation": keras.activations.linear, "use_bias": False, "bias": None}
    linear = substitute(layer, kernels, **attributes)
    outputs = linear.call(ops.cast(inputs, layer.compute_dtype))
    outputs = ops.cast(outputs, wide(outputs.dtype))
    rank = len(outputs.shape)
    first = getattr(layer, "data_format", "channels_last") == "channels_first"
    channel = 1 if first else rank - 1
    weights = None
    if mask is not None and len(np.shape(mask)) == rank - 1:
        weights = ops.expand_dims(ops.cast(mask, outputs.dtype), channel)
        outputs = ops.where(weights > 0, outputs, ops.zeros_like(outputs))
    axes = tuple(axis for axis in range(rank) if axis != channel)
    statistics, _ = moments(outputs, weights, axes)
    mean = ops.squeeze(statistics.center + statistics.shift, axes)
    variance = ops.squeeze(statistics.variance, axes)
    # outputs that do not vary but for rounding have no deviation to divide by
    varies = variance > 1e-10 * ops.square(mean)
    scale = ops.where(varies, ops.rsqrt(ops.where(varies, variance, 1.0)), 1.0)
    return scale, ops.where(varies, -mean * scale, 0.0), varies
