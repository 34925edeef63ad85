"""The layers that the kernel wrappers are tested on, and the formulas in float64 NumPy."""

import numpy as np
from gradients import gradient
from keras import layers, ops

from kerasnorm import normalization as kn

FIRST = {"kernel": (-1,)}
DEPTHWISE = {"kernel": (-2, -1)}
TRANSPOSED = {"kernel": (-2,)}
SEPARABLE = {"depthwise_kernel": (-2, -1), "pointwise_kernel": (-1,)}
EMBEDDING = {"embeddings": (-1,)}
RECURRENT = {"kernel": (-1,), "recurrent_kernel": (-1,)}

# name: (how to make it, the shape of its input, the output axes of its kernels)
CONVOLUTIONAL = {
    "Dense": (lambda **k: layers.Dense(5, **k), (6, 7), FIRST),
    "Dense of sequences": (lambda **k: layers.Dense(5, activation="tanh", **k), (3, 4, 7), FIRST),
    "Conv1D": (lambda **k: layers.Conv1D(5, 3, **k), (2, 8, 3), FIRST),
    "Conv2D": (lambda **k: layers.Conv2D(5, 3, activation="relu", **k), (2, 6, 5, 3), FIRST),
    "Conv2D of groups": (lambda **k: layers.Conv2D(6, 3, groups=2, **k), (2, 6, 5, 4), FIRST),
    "Conv3D": (lambda **k: layers.Conv3D(4, 2, use_bias=False, **k), (2, 4, 3, 4, 3), FIRST),
    "Conv1DTranspose": (lambda **k: layers.Conv1DTranspose(5, 3, **k), (2, 8, 3), TRANSPOSED),
    "Conv2DTranspose": (
        lambda **k: layers.Conv2DTranspose(5, 3, strides=2, **k),
        (2, 6, 5, 3),
        TRANSPOSED,
    ),
    "Conv3DTranspose": (
        lambda **k: layers.Conv3DTranspose(4, 2, **k),
        (2, 4, 3, 4, 3),
        TRANSPOSED,
    ),
    "DepthwiseConv1D": (
        lambda **k: layers.DepthwiseConv1D(3, depth_multiplier=2, **k),
        (2, 8, 3),
        DEPTHWISE,
    ),
    "DepthwiseConv2D": (
        lambda **k: layers.DepthwiseConv2D(3, depth_multiplier=2, **k),
        (2, 6, 5, 3),
        DEPTHWISE,
    ),
    "SeparableConv1D": (lambda **k: layers.SeparableConv1D(5, 3, **k), (2, 8, 3), SEPARABLE),
    "SeparableConv2D": (
        lambda **k: layers.SeparableConv2D(5, 3, depth_multiplier=2, **k),
        (2, 6, 5, 3),
        SEPARABLE,
    ),
}
OTHERS = {
    "Embedding": (lambda **k: layers.Embedding(11, 4, **k), (3, 6), EMBEDDING),
    "SimpleRNN": (lambda **k: layers.SimpleRNN(4, **k), (2, 5, 3), RECURRENT),
    "LSTM": (lambda **k: layers.LSTM(4, return_sequences=True, **k), (2, 5, 3), RECURRENT),
    "GRU": (lambda **k: layers.GRU(4, **k), (2, 5, 3), RECURRENT),
    "ConvLSTM1D": (lambda **k: layers.ConvLSTM1D(3, 3, **k), (2, 4, 6, 2), RECURRENT),
    "RNN of stacked cells": (
        lambda **k: layers.RNN([layers.LSTMCell(4, **k), layers.GRUCell(3, **k)], **k),
        (2, 5, 3),
        RECURRENT,
    ),
    "Bidirectional": (
        lambda **k: layers.Bidirectional(layers.LSTM(4, **k), **k),
        (2, 5, 3),
        RECURRENT,
    ),
}
LAYERS = {**CONVOLUTIONAL, **OTHERS}
# one of each way to hold kernels
KINDS = ("Dense", "Conv2DTranspose", "SeparableConv2D", "Embedding", "LSTM", "Bidirectional")


def make(name, **kwargs):
    return LAYERS[name][0](**kwargs)


def inputs_of(name, seed=0):
    random, shape = np.random.default_rng(seed), LAYERS[name][1]
    if name == "Embedding":
        return random.integers(0, 11, shape)
    return random.normal(1, 2, shape).astype("float32")


def array(tensor):
    return ops.convert_to_numpy(tensor)


def set_kernels(layer, name, seed=0):
    """Gives every kernel random values with one direction that stands out, so that σ is clear."""
    random = np.random.default_rng(seed)
    for weight in layer.weights:
        if weight.name in LAYERS[name][2]:
            shape = weight.shape
            value = 0.3 * random.normal(size=shape) + 0.1
            factors = [random.choice([-1, 1], size=size) for size in shape]
            for axis, factor in enumerate(factors):
                rest = [1] * len(shape)
                rest[axis] = -1
                factors[axis] = factor.reshape(rest)
            weight.assign(value + 0.5 * np.prod(np.broadcast_arrays(*factors), axis=0))


def kernels_of(layer, name):
    """Returns the kernels of a layer, the wrapped one's or a plain one's, with their outputs."""
    axes = LAYERS[name][2]
    return [(weight, axes[weight.name]) for weight in layer.weights if weight.name in axes]


def inner_axes(kernel, outputs):
    return tuple(axis for axis in range(kernel.ndim) if axis - kernel.ndim not in outputs)


def weight_normalized(kernel, outputs, g):
    axes = inner_axes(kernel, outputs)
    return np.expand_dims(g, axes) * kernel / np.sqrt((kernel**2).sum(axes, keepdims=True))


def standardized(kernel, outputs, epsilon=1e-10):
    axes = inner_axes(kernel, outputs)
    deviation = np.sqrt(kernel.var(axes, keepdims=True) + epsilon)
    return (kernel - kernel.mean(axes, keepdims=True)) / deviation


def matrix(kernel, outputs):
    columns = np.prod([kernel.shape[axis] for axis in outputs])
    ends = range(-len(outputs), 0)
    return np.moveaxis(kernel, outputs, ends).reshape(-1, columns)


def spectrally_normalized(kernel, outputs):
    return kernel / np.linalg.norm(matrix(kernel, outputs), 2)


def spectral(layer, power_iterations=12, **kwargs):
    return kn.SpectralNormalization(layer, power_iterations, **kwargs)


# name: (how to wrap, the formula, the layers that it takes)
WRAPPERS = {
    "weight": (
        lambda layer, **k: kn.WeightNormalization(layer, data_init=False, **k),
        weight_normalized,
        LAYERS,
    ),
    "spectral": (spectral, spectrally_normalized, LAYERS),
    "standardization": (kn.WeightStandardization, standardized, CONVOLUTIONAL),
}
# with one formula, every layer: which kernels it has, and the axes of their outputs
PAIRS = [
    *(("weight", name) for name in LAYERS),
    *(("spectral", name) for name in KINDS),
    *(("standardization", name) for name in KINDS if name in CONVOLUTIONAL),
]
LIGHT_PAIRS = [
    *(("weight", name) for name in KINDS),
    *((wrapper, "SeparableConv2D") for wrapper in ("spectral", "standardization")),
]


def wrap_lightly(wrapper, layer_name, **kwargs):
    """Returns a wrapper of few power iterations, where σ need not be exact."""
    few = {"power_iterations": 2} if wrapper == "spectral" else {}
    return WRAPPERS[wrapper][0](make(layer_name), **few, **kwargs)


def wrap(wrapper, layer_name, **kwargs):
    """Returns a built wrapper whose kernels have clear values, and an input."""
    x = inputs_of(layer_name)
    layer = WRAPPERS[wrapper][0](make(layer_name), **kwargs)
    layer.build(x.shape)
    set_kernels(layer, layer_name)
    for index, gain in enumerate(gains_of(layer)):
        gain.assign(np.random.default_rng(index).normal(size=gain.shape))
    return layer, x


def gains_of(layer):
    g = getattr(layer, "g", ())
    return g if isinstance(g, tuple) else (g,)


def formulas(wrapper, layer, name):
    """Returns a function of each kernel alone."""
    formula = WRAPPERS[wrapper][1]
    axes = [outputs for _, outputs in kernels_of(layer, name)]
    others = [(array(gain).astype("float64"),) for gain in gains_of(layer)] or [()] * len(axes)
    return [
        lambda kernel, outputs=outputs, other=other: formula(kernel, outputs, *other)
        for outputs, other in zip(axes, others, strict=True)
    ]


def plain_with(wrapper, layer, name):
    """Returns a plain layer with the formula of the wrapped layer's kernels."""
    plain = make(name)
    plain.build(LAYERS[name][1])
    plain.set_weights(layer.layer.get_weights())
    functions = formulas(wrapper, layer, name)
    for (weight, _), function in zip(kernels_of(plain, name), functions, strict=True):
        weight.assign(function(array(weight).astype("float64")))
    return plain


def gradient_by(layer, variable, x, weights, **kwargs):
    """Returns ∂Σ weights·layer(x)/∂variable."""
    x = ops.convert_to_tensor(x)

    def total(value):
        values = [value if v is variable else v.value for v in layer.trainable_variables]
        others = [v.value for v in layer.non_trainable_variables]
        y, _ = layer.stateless_call(values, others, x, **kwargs)
        return ops.sum(ops.multiply(y, weights))

    return gradient(total, array(variable))


def slope(function, kernel, direction, upstream, step=1e-5):
    """Returns the derivative of Σ upstream·function(kernel) along a direction, by differences."""
    ends = [function(kernel + sign * step * direction) for sign in (1, -1)]
    return (upstream * (ends[0] - ends[1])).sum() / (2 * step)
