from typing import Any

import keras

from kerasnorm import backend
from kerasnorm._types import Shape, Tensor
from kerasnorm._validation import as_number
from kerasnorm.normalization._kernel_wrapper import KernelWrapper, wide
from kerasnorm.normalization._kernels import Parameter
from kerasnorm.normalization._normalization_layer import check_more_than_one


@keras.saving.register_keras_serializable(package="kerasnorm")
class WeightStandardization(KernelWrapper):
    """Gives the kernel that makes up each output mean 0 and variance 1 before it is used.

    For convolutions in front of a `GroupNormalization` that train on small batches. It is a
    wrapper and no `kernel_constraint`: a constraint would rewrite the kernel after each step,
    while here the gradient flows through

        Ŵ = (W − E[W]) / √(Var[W] + ε)

    with E and Var over all that make up one output: the inputs and taps of a convolution, the
    taps alone of a depthwise one. The wrapped layer keeps W, which is what its regularizer and
    constraint see.

    Args:
        layer: A layer of class Dense, Conv1D–3D, Conv1DTranspose–3DTranspose,
            DepthwiseConv1D–2D or SeparableConv1D–2D (both kernels).
        epsilon: A float above 0, added to the variance. √1e-10 is the 1e-5 that the authors'
            program adds to the deviation. Defaults to 1e-10.
        **kwargs: `name`, `dtype` (default: the layer's), `trainable`.

    Call arguments:
        inputs: Inputs of the wrapped layer.
        training: Bool, passed on to the layer if it takes it.
        mask: Passed on likewise.

    Input shape and output shape:
        Those of the layer.

    The weights are those of the layer, in its order.

    Example:

    >>> import numpy as np
    >>> layer = WeightStandardization(keras.layers.Conv2D(8, 3))
    >>> y = layer(np.ones((2, 16, 16, 4)))
    >>> kernel = layer.remove().get_weights()[0]
    >>> bool(np.allclose(kernel.mean((0, 1, 2)), 0, atol=1e-5))
    True
    >>> bool(np.allclose(kernel.std((0, 1, 2)), 1, atol=1e-3))
    True

    Raises:
        ValueError: For another layer, an epsilon out of range, and a kernel with one value an
            output.

    See also:
        `GroupNormalization`, to use after it; `kerasnorm.surgery.replace_normalization`, which can
        add it to a whole model.

    Reference:
        Qiao et al., 2019, Micro-batch training with batch-channel normalization and weight
        standardization, https://arxiv.org/abs/1903.10520
    """

    convolutional_only = True

    def __init__(self, layer: keras.layers.Layer, epsilon: float = 1e-10, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.epsilon = as_number("epsilon", epsilon, 0, interval="()")

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        for parameter, kernel in self._kernels().items():
            sizes = [kernel.shape[axis] for axis in parameter.reduced(len(kernel.shape))]
            remedy = f"That is the shape of `{parameter.name}`: leave this layer as it is."
            check_more_than_one(self, kernel.shape, sizes, remedy)

    def substitutes(
        self, training: bool, inputs: Tensor | None = None, mask: Tensor | None = None
    ) -> dict[Parameter, Tensor]:
        return {p: self._standardize(p, kernel) for p, kernel in self._kernels().items()}

    def _standardize(self, parameter: Parameter, kernel: Tensor) -> Tensor:
        rank = len(kernel.shape)
        reduced = parameter.reduced(rank)
        view = backend.View(reduced, rank + parameter.outputs[-1], reduced)
        dtype = wide(kernel.dtype)
        return backend.normalize(kernel, None, None, None, view, self.epsilon, dtype)[0]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon}
