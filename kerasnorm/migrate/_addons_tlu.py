import keras

from kerasnorm._types import Shape, Tensor
from kerasnorm.normalization import TLU


@keras.saving.register_keras_serializable(package="kerasnorm")
class AddonsTLU(TLU):
    """Thresholded linear unit with one threshold per position, as in TensorFlow Addons.

    Used in models loaded by `load_tfa_model`; `TLU` has one per channel, as in the paper.

        y = max(x, τ), or with `affine` y = max(x, α·x + τ)

    Args:
        *args, **kwargs: Arguments of `TLU`; `axis` should be -1.

    Call arguments:
        inputs: Tensor of rank 2 or more.

    Input shape and output shape:
        `(N, …, C)`, of one size: τ and α have the shape of an example.

    Example:

    >>> import numpy as np
    >>> layer = AddonsTLU(tau_initializer=keras.initializers.Constant(-1.0))
    >>> y = layer(np.array([[[-3.0], [2.0]]], "float32"))
    >>> keras.ops.convert_to_numpy(y).tolist(), tuple(layer.tau.shape)
    ([[[-1.0], [2.0]]], (2, 1))

    Raises:
        ValueError: For an input whose size is not known.

    Reference:
        Singh and Krishnan, 2020, Filter response normalization layer,
        https://arxiv.org/abs/1911.09737
    """

    def build(self, input_shape: Shape) -> None:
        shape = tuple(input_shape[1:])
        if None in shape:
            raise ValueError(
                "AddonsTLU has a threshold for each position, so it should know the size of its "
                f"input. Received: input_shape={tuple(input_shape)}."
            )
        self.tau = self._add_parameter("tau", shape)
        if self.affine:
            self.alpha = self._add_parameter("alpha", shape)
        self.input_spec = keras.layers.InputSpec(shape=(None, *shape))

    def call(self, inputs: Tensor) -> Tensor:
        return self._above_threshold(inputs, others=(0,))

    def compute_output_spec(self, inputs: Tensor) -> keras.KerasTensor:
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)
