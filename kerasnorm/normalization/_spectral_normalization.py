import math
from typing import Any

import keras
from keras import ops

from kerasnorm._types import Shape, Tensor
from kerasnorm._validation import as_int
from kerasnorm.normalization._kernel_wrapper import KernelWrapper
from kerasnorm.normalization._kernels import Parameter

_FIRST_ITERATIONS = 15  # as many as PyTorch makes before the first step


@keras.saving.register_keras_serializable(package="kerasnorm")
class SpectralNormalization(KernelWrapper):
    """Wrapper that divides the kernel of a layer by its largest singular value.

    Use it in the discriminators of adversarial training, and wherever a layer should have a
    Lipschitz constant of 1. With W the kernel as a matrix of (inputs and taps) × outputs:

        Ŵ = W / σ,  σ = vᵀ W u,  v = W u / ‖W u‖,  u ← Wᵀ v / ‖Wᵀ v‖

    Each call makes `power_iterations` of the iterations from the stored u; a training call of a
    trainable layer keeps the u it found. u and v are constants to the gradient, which is then
    that of W / σ(W). u starts as what 15 iterations find for the initial kernel. Nothing else
    is ever written: the wrapped layer keeps W (which its regularizer and constraint see), and a
    frozen layer or a call at inference changes nothing. A kernel of zeros stays one.

    The matrix has a column for each output channel: a transposed convolution's outputs are the
    last axis but one of its kernel; a depthwise convolution has inputs × multiplier outputs of
    its taps each; a grouped convolution has the inputs of a group for rows, as in PyTorch. Of a
    separable convolution both kernels are normalized; of a recurrent layer the kernel and the
    recurrent kernel of each cell, once for a whole sequence, with the gates as one matrix.

    `keras.layers.SpectralNormalization` differs in all of these points.

    Args:
        layer: A layer of class Dense, Conv1D–3D, Conv1DTranspose–3DTranspose,
            DepthwiseConv1D–2D, SeparableConv1D–2D, Embedding, RNN (LSTM, GRU, SimpleRNN,
            ConvLSTM1D–3D, or any cells with a `kernel` and a `recurrent_kernel`) or
            Bidirectional. For a cell, wrap the RNN that it is in.
        power_iterations: Number of iterations per call, an int above 0. Defaults to 1.
        **kwargs: `name`, `dtype` (default: the layer's), `trainable`.

    Call arguments:
        inputs: Inputs of the wrapped layer.
        training: Bool, whether to keep the u that the call found; passed on to the layer.
        mask: Passed on to the layer if it takes it.
        **kwargs: Passed on to the layer, such as `initial_state`.

    Input shape and output shape:
        Those of the layer. Outputs are floats, an Embedding's too.

    The weights are `vector_u` of shape (1, outputs) for each kernel, then those of the layer.

    Example:

    >>> import numpy as np
    >>> layer = SpectralNormalization(keras.layers.Dense(8), power_iterations=20)
    >>> y = layer(np.ones((2, 16)))
    >>> kernel = layer.remove().get_weights()[0]
    >>> bool(abs(np.linalg.norm(kernel, 2) - 1) < 1e-2)
    True

    Raises:
        ValueError: For another layer, a quantized one, and iterations below 1.

    See also:
        `WeightNormalization` and `WeightStandardization`, other reparametrizations of a kernel.

    Reference:
        Miyato et al., 2018, Spectral normalization for generative adversarial networks,
        https://arxiv.org/abs/1802.05957
    """

    def __init__(self, layer: keras.layers.Layer, power_iterations: int = 1, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.power_iterations = as_int("power_iterations", power_iterations, 1)

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        self._vectors = [self._add_vector_u(p) for p in self.kernel_parameters]

    def _add_vector_u(self, parameter: Parameter) -> keras.Variable:
        def leading_vector(shape: tuple[int, ...], dtype: str) -> Tensor:
            start = keras.initializers.RandomNormal(stddev=1.0)(shape, dtype)
            matrix = parameter.matrix(ops.cast(parameter.variable(self.layer).value, dtype))
            return _iterate(matrix, start, _FIRST_ITERATIONS)[0]

        shape = parameter.output_shape(parameter.variable(self.layer).shape)
        # Every replica finds the same vector, so the first one's serves for all.
        return self._add_vector(
            "vector_u",
            parameter,
            (1, math.prod(shape)),
            leading_vector,
            trainable=False,
            aggregation="only_first_replica",
        )

    def substitutes(
        self, training: bool, inputs: Tensor | None = None, mask: Tensor | None = None
    ) -> dict[Parameter, Tensor]:
        normalized = {}
        for (parameter, kernel), vector in zip(self._kernels().items(), self._vectors, strict=True):
            matrix = parameter.matrix(kernel)
            u, v = _iterate(ops.stop_gradient(matrix), vector.value, self.power_iterations)
            u, v = ops.stop_gradient(u), ops.stop_gradient(v)
            if training and parameter.variable(self.layer).trainable:
                vector.assign(u)
            sigma = ops.sum(ops.matmul(v, matrix) * u)
            normalized[parameter] = kernel / ops.where(sigma > 0, sigma, ops.ones_like(sigma))
        return normalized

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "power_iterations": self.power_iterations}


def _iterate(matrix: Tensor, u: Tensor, iterations: int) -> tuple[Tensor, Tensor]:
    """Returns the singular vectors (1, columns) and (1, rows) that power iterations lead to."""
    v = None
    for _ in range(iterations):
        v = _unit(ops.matmul(u, ops.transpose(matrix)))
        product = ops.matmul(v, matrix)
        # a matrix of zeros leaves u as it is, for when the kernel grows again
        u = ops.where(ops.any(product != 0), _unit(product), u)
    return u, v


def _unit(x: Tensor) -> Tensor:
    """Returns x / ‖x‖, and 0 for 0; the squares of tiny values are kept from vanishing."""
    largest = ops.amax(ops.abs(x))
    x = x / ops.where(largest > 0, largest, ops.ones_like(largest))
    norm = ops.sqrt(ops.sum(ops.square(x)))
    return x / ops.where(norm > 0, norm, ops.ones_like(norm))
