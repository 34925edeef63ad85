import dataclasses
from typing import Any

import keras
from keras import ops

from kerasnorm._types import Shape, Tensor
from kerasnorm.normalization import SpectralNormalization


@keras.saving.register_keras_serializable(package="kerasnorm")
class AddonsSpectralNormalization(SpectralNormalization):
    """Spectral normalization that continues from a file of TensorFlow Addons.

    Used in models loaded by `load_tfa_model`; in new models use `SpectralNormalization`. TFA keeps
    only the normalized kernel: a training call divides the kernel by its largest singular value,
    and inference uses the kernel of the last step. With r a number that starts at 1 and W·r in
    place of TFA's kernel,

        training: r ← 1/σ(W), and the gradient of W·r as if it did not depend on σ,
        inference: the layer with W·r.

    Outputs and steps of SGD equal TFA's, and nothing writes to a kernel. Like TFA's, the matrix
    has a column for each entry of the kernel's last axis, in a transposed convolution too.

    Args:
        layer: Dense, a convolution or transposed convolution, or Embedding.
        power_iterations: An int above 0, how many a training call makes. Defaults to 1.
        **kwargs: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: Inputs of the wrapped layer.
        training: Bool. A frozen layer computes as at inference, whatever it is.

    Input shape and output shape:
        Those of the layer.

    The weights are `vector_u` of shape (1, last axis of the kernel), `rescaling` of shape (),
    and those of the layer. A regularizer or constraint of the layer sees W.

    Example:

    >>> import numpy as np
    >>> layer = AddonsSpectralNormalization(keras.layers.Dense(8))
    >>> x = np.ones((2, 16))
    >>> before = layer(x)  # of the kernel as it is
    >>> y = layer(x, training=True)
    >>> y, after = (keras.ops.convert_to_numpy(each) for each in (y, layer(x)))
    >>> bool(np.allclose(after, y, atol=1e-5))
    True

    Reference:
        Miyato et al., 2018, Spectral normalization for generative adversarial networks,
        https://arxiv.org/abs/1802.05957
    """

    def __init__(self, layer: keras.layers.Layer, power_iterations: int = 1, **kwargs: Any) -> None:
        super().__init__(layer, power_iterations, **kwargs)
        self.kernel_parameters = tuple(
            dataclasses.replace(parameter, outputs=(-1,)) for parameter in self.kernel_parameters
        )

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        self.rescaling = self.add_weight(
            name="rescaling",
            shape=(),
            initializer="ones",
            dtype=self._vectors[0].dtype,
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
        )

    def substitutes(
        self, training: bool, inputs: Tensor | None = None, mask: Tensor | None = None
    ) -> dict[Any, Tensor]:
        ((parameter, kernel),) = self._kernels().items()
        if not training:
            return {parameter: kernel * self.rescaling.value}
        normalized = ops.stop_gradient(super().substitutes(training)[parameter])
        constant = ops.stop_gradient(kernel)
        square = ops.sum(ops.square(constant))
        ratio = ops.sum(normalized * constant) / ops.where(square > 0, square, 1.0)
        rescaling = ops.where(square > 0, ratio, self.rescaling.value)
        self.rescaling.assign(rescaling)
        return {parameter: normalized + (kernel - constant) / rescaling}
