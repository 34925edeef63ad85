from typing import Any

import keras
from keras import ops

from kerasnorm._types import Shape, Tensor
from kerasnorm.normalization._data_initialization import (
    BIAS,
    has_data_initialization,
    scale_and_shift,
)
from kerasnorm.normalization._kernel_wrapper import KernelWrapper
from kerasnorm.normalization._kernels import Parameter


@keras.saving.register_keras_serializable(package="kerasnorm")
class WeightNormalization(KernelWrapper):
    """Wrapper that learns the norm and the direction of each output's kernel separately.

    Use it for layers that train faster with well-scaled kernels but must not depend on the batch:
    recurrent and reinforcement learning, generative models. With v the wrapped layer's kernel,

        kernel = g · v / ‖v‖

    where ‖v‖ is over all that make up one output: the inputs and taps of a convolution, the taps
    alone of a depthwise one. g starts as ‖v‖, so that wrapping changes nothing by itself; where
    v is 0 the kernel is 0. A regularizer or constraint of the layer sees v.

    With `data_init` the first training batch whose outputs vary then sets their scale and bias,
    so that before the activation each output has mean 0 and variance 1 over that batch:

        g ← g / σ[k·x],  b ← −μ[k·x] / σ[k·x]

    A call at inference or of a frozen layer sets nothing. What the batch adds to g and to the
    bias is kept in variables of its own, `g_offset` and `bias_offset` (`fit` on JAX keeps what
    a call assigns only in variables that do not train); gradients and steps are as if it were in
    g and the bias. Under a distribution strategy the first replica's batch serves for all, from
    the second step on. Layers with no outputs of that kind (Embedding, recurrent layers)
    are not initialized by data, which the paper advises against for recurrent ones.

    Args:
        layer: A layer of class Dense, Conv1D–3D, Conv1DTranspose–3DTranspose,
            DepthwiseConv1D–2D, SeparableConv1D–2D (both kernels; data set the second one's g),
            Embedding, RNN (LSTM, GRU, SimpleRNN, ConvLSTM1D–3D, or any cells with a `kernel`
            and a `recurrent_kernel`: both are normalized, each gate's columns on their own) or
            Bidirectional. For a cell, wrap the RNN that it is in.
        data_init: Whether the first training batch sets scale and bias. Pass False for a
            layer that has been trained. Defaults to True.
        **kwargs: `name`, `dtype` (default: the layer's), `trainable`.

    Call arguments:
        inputs: Inputs of the wrapped layer.
        training: Bool, whether the batch may initialize; passed on to the layer if it takes it.
        mask: Passed on likewise; positions where it is 0 count for no statistic.
        **kwargs: Passed on to the layer, such as `initial_state`.

    Input shape and output shape:
        Those of the layer.

    The weights are a `g` of shape (outputs,) for each kernel, or (inputs, multiplier) for
    depthwise ones; with data initialization `g_offset`, `bias_offset` if the layer has a bias,
    and `initialized`; then those of the layer.

    Example:

    >>> import numpy as np
    >>> layer = WeightNormalization(keras.layers.Dense(4))
    >>> x = np.random.default_rng(0).normal(5, 3, size=(64, 16))
    >>> y = keras.ops.convert_to_numpy(layer(x, training=True))
    >>> bool(np.allclose(y.mean(0), 0, atol=1e-5) and np.allclose(y.std(0), 1, atol=1e-5))
    True
    >>> plain = layer.remove()  # a Dense layer
    >>> bool(np.allclose(keras.ops.convert_to_numpy(plain(x)), y, atol=1e-5))
    True

    Raises:
        ValueError: For another layer, and a quantized one.

    See also:
        `WeightStandardization` and `SpectralNormalization`; `kerasnorm.migrate.fold_weight_norm`.

    Reference:
        Salimans and Kingma, 2016, Weight normalization, https://arxiv.org/abs/1602.07868
    """

    def __init__(self, layer: keras.layers.Layer, data_init: bool = True, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.data_init = bool(data_init)
        self._data_variables: list[keras.Variable] | None = None

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        self._gains = [self._add_gain(parameter) for parameter in self.kernel_parameters]
        if self.data_init and has_data_initialization(self.layer):
            self._data_variables = self._add_data_variables()

    @property
    def g(self) -> keras.Variable | tuple[keras.Variable, ...]:
        """The variable g; a tuple of them where the layer has several kernels."""
        return self._gains[0] if len(self._gains) == 1 else tuple(self._gains)

    def _add_gain(self, parameter: Parameter) -> keras.Variable:
        variable = parameter.variable(self.layer)

        def length(shape: tuple[int, ...], dtype: str) -> Tensor:
            return _split(ops.cast(variable.value, dtype), parameter)[1]

        return self._add_vector("g", parameter, parameter.output_shape(variable.shape), length)

    def _add_data_variables(self) -> list[keras.Variable]:
        settings = {
            "trainable": False,
            "autocast": False,
            "aggregation": "only_first_replica",
        }
        gain = self._gains[-1]
        shapes = {"g_offset": gain.shape}
        if self.layer.use_bias:
            shapes["bias_offset"] = self.layer.bias.shape
        offsets = [
            self.add_weight(
                name=name, shape=shape, dtype=gain.dtype, initializer="zeros", **settings
            )
            for name, shape in shapes.items()
        ]
        flag = self.add_weight(
            name="initialized", shape=(), dtype="bool", initializer="zeros", **settings
        )
        return [*offsets, flag]

    def substitutes(
        self, training: bool, inputs: Tensor | None = None, mask: Tensor | None = None
    ) -> dict[Parameter, Tensor]:
        kernels = self._kernels()
        values = {
            parameter: _with_length(v, g.value, parameter)
            for (parameter, v), g in zip(kernels.items(), self._gains, strict=True)
        }
        if self._data_variables is not None:
            offset, *bias_offset, _ = self._data_offsets(training, values, inputs, mask)
            last = self.kernel_parameters[-1]
            values[last] = _with_length(kernels[last], self._gains[-1].value + offset, last)
            if bias_offset:
                values[BIAS] = ops.cast(self.layer.bias.value, offset.dtype) + bias_offset[0]
        return values

    def _data_offsets(
        self,
        training: bool,
        kernels: dict[Parameter, Tensor],
        inputs: Tensor | None,
        mask: Tensor | None,
    ) -> list[Tensor]:
        """Returns what the data variables hold, after this batch if it is the first."""
        # copies, since on torch the next call would write to what this one's gradient needs
        stored = [ops.copy(ops.convert_to_tensor(v)) for v in self._data_variables]
        if not training:
            return stored
        found = ops.cond(
            stored[-1], lambda: stored, lambda: self._measure(stored, kernels, inputs, mask)
        )
        found = [ops.stop_gradient(value) for value in found[:-1]] + [found[-1]]
        for variable, value in zip(self._data_variables, found, strict=True):
            variable.assign(value)
        return found

    def _measure(
        self,
        stored: list[Tensor],
        kernels: dict[Parameter, Tensor],
        inputs: Tensor | None,
        mask: Tensor | None,
    ) -> list[Tensor]:
        scale, shift, varies = scale_and_shift(self.layer, kernels, inputs, mask)
        gain = self._gains[-1].value
        offsets = [gain * (ops.reshape(scale, gain.shape) - 1)]
        if self.layer.use_bias:
            bias = ops.cast(self.layer.bias.value, shift.dtype)
            offsets.append(ops.where(varies, shift - bias, 0.0))
        offsets = [
            ops.cast(offset, old.dtype) for offset, old in zip(offsets, stored[:-1], strict=True)
        ]
        return [*offsets, ops.any(varies)]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_init": self.data_init}


def _with_length(kernel: Tensor, lengths: Tensor, parameter: Parameter) -> Tensor:
    """Returns the kernel with other lengths for its outputs."""
    direction, _ = _split(kernel, parameter)
    return direction * parameter.along_outputs(lengths, len(kernel.shape))


def _split(kernel: Tensor, parameter: Parameter) -> tuple[Tensor, Tensor]:
    """Returns the kernel over its length, and the length; 0 and 0 where the kernel is 0.

    The direction does not depend on the scale of the kernel, so that neither that division nor
    its gradient lets the squares of tiny values vanish.
    """
    axes = parameter.reduced(len(kernel.shape))
    largest = ops.stop_gradient(ops.amax(ops.abs(kernel), axes, keepdims=True))
    largest = ops.where(largest > 0, largest, ops.ones_like(largest))
    scaled = kernel / largest
    square = ops.sum(ops.square(scaled), axes, keepdims=True)
    present = square > 0
    length = ops.sqrt(ops.where(present, square, ops.ones_like(square)))
    total = ops.where(present, length * largest, ops.zeros_like(length))
    return scaled / length, ops.squeeze(total, axes)
