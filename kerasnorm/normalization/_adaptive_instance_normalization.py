from typing import Any

import keras
from keras import ops

from kerasnorm import backend
from kerasnorm._types import Shape, Tensor
from kerasnorm.normalization._guided_normalization import GuidedNormalization
from kerasnorm.normalization._moments import moments
from kerasnorm.normalization._normalization_layer import channel_and_positions


@keras.saving.register_keras_serializable(package="kerasnorm")
class AdaptiveInstanceNormalization(GuidedNormalization):
    """Gives each channel of content features the mean and standard deviation of style features.

    Use it for stylization with any style, without training for it: content and style are features
    of the same network, and a decoder learns to turn the result into an image. It has no weights;
    gradients flow to both inputs.

        σ²(x) = Var[x] + ε,  y = σ(style) · (content − E[content]) / σ(content) + E[style]

    Args:
        axis: An int, the channel axis. `-1` for channels last, `1` for channels first.
            Defaults to -1.
        epsilon: A float above 0, added to both variances, so that content with itself as style is
            unchanged. The authors use 1e-5. Defaults to 1e-5.
        **kwargs: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: List of two tensors of rank 3 or more, content and style; integers are cast.
        training: Bool, without effect.
        mask: Optional list of two masks, either of which may be None, of the shapes without the
            channel axis. Positions where they are 0 count for no statistic, and are 0 in the
            output where the content's is 0. The content's mask travels on.

    Input shape:
        `[(N, …, C), (N, …, C)]`, or `(N, C, …)` with `axis=1`. Positions may differ in number.

    Output shape:
        The content's.

    Example:

    >>> import numpy as np
    >>> random = np.random.default_rng(0)
    >>> content = random.normal(size=(2, 8, 8, 3)).astype("float32")
    >>> style = random.normal(5, 3, size=(2, 6, 4, 3)).astype("float32")
    >>> y = keras.ops.convert_to_numpy(AdaptiveInstanceNormalization()([content, style]))
    >>> bool(np.allclose(y.std((1, 2)), style.std((1, 2)), rtol=1e-3))
    True

    Raises:
        ValueError: For anything but two inputs of one rank, with the same examples and channels
            and more than one position each; for an axis or epsilon out of range and masks that
            do not fit.

    See also:
        `ConditionalInstanceNormalization`, for a fixed set of styles; `InstanceNormalization`.

    Reference:
        Huang and Belongie, 2017, Arbitrary style transfer in real-time with adaptive instance
        normalization, https://arxiv.org/abs/1703.06868
    """

    guide = "style"

    def __init__(self, axis: int = -1, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(axis, epsilon=epsilon, center=False, scale=False, **kwargs)

    def _modulation(
        self, guide: Tensor, mask: Tensor | None, view: backend.View, dtype: str
    ) -> tuple[Tensor | None, Tensor | None]:
        style, mask = self._masked(guide, mask)
        weights = None if mask is None else ops.cast(mask, dtype)
        found, _ = moments(ops.cast(style, dtype), weights, view.reduced)
        return ops.sqrt(found.variance + self.epsilon), found.center + found.shift

    def _check_guide(self, shape: Shape, guide_shape: Shape) -> None:
        fits = len(shape) == len(guide_shape)
        if fits:
            channel, _ = channel_and_positions(self.axis, shape)
            pairs = ((shape[axis], guide_shape[axis]) for axis in (0, channel))
            fits = all(None in pair or pair[0] == pair[1] for pair in pairs)
        if not fits:
            raise ValueError(
                "Content and style should have the same rank, as many examples and as many "
                f"channels (axis {self.axis}). Received: shapes {tuple(shape)} and "
                f"{tuple(guide_shape)}. For one style of many contents, repeat it: "
                "`keras.ops.repeat(style, n, axis=0)`."
            )
        self.view(guide_shape)

    def get_config(self) -> dict[str, Any]:
        config = {"axis": self.axis, "epsilon": self.epsilon}
        return {**keras.layers.Layer.get_config(self), **config}
