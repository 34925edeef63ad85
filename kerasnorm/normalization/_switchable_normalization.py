from typing import Any

import keras
from keras import ops

from kerasnorm import backend
from kerasnorm._types import Constraint, Initializer, Regularizer, Shape, Tensor
from kerasnorm._validation import as_int
from kerasnorm.normalization._moments import Moments, moments, pool
from kerasnorm.normalization._normalization_layer import channel_and_positions, check_more_than_one
from kerasnorm.normalization._tracked_normalization import TrackedNormalization


@keras.saving.register_keras_serializable(package="kerasnorm")
class SwitchableNormalization(TrackedNormalization):
    """Learns a mixture of instance, layer and batch normalization.

    Use it in networks whose depths need different normalizations, and with batches too small for
    batch normalization alone: the layer learns which statistics are useful. The three means and
    variances are mixed by softmax weights that start equal; k runs over instance (positions),
    layer (positions and channels) and batch (examples and positions).

        y = (x − Σ wₖ Eₖ[x]) / √(Σ vₖ Varₖ[x] + ε) · γ + β,  w = softmax(a),  v = softmax(b)

    In training the statistics of the batch are used, and running estimates are kept; at inference,
    or with `trainable=False`, the estimates replace them.

    Args:
        axis: An int, the channel axis. `-1` for channels last, `1` for channels first.
            Defaults to -1.
        momentum: A float in [0, 1), of the running estimates. PyTorch's momentum is 1 − this one.
            Defaults to 0.99.
        epsilon: A float above 0, added to the variance. Defaults to 0.001.
        center: Whether to add β. Defaults to True.
        scale: Whether to multiply by γ. Defaults to True.
        beta_initializer, gamma_initializer: Initializers of β and γ.
        moving_mean_initializer, moving_variance_initializer: Initializers of the estimates.
        beta_regularizer, gamma_regularizer: Optional regularizers.
        beta_constraint, gamma_constraint: Optional constraints.
        unbiased: Whether the running variance is Var · n/(n−1). Defaults to False.
        track_statistics: Whether to keep running estimates. Without them the batch's own
            statistics serve at inference too. Defaults to True.
        **kwargs: `name`, `dtype`, `trainable`.

    Attributes:
        mean_weights, variance_weights: a and b, each of shape (3,): instance, layer, batch.

    Call arguments:
        inputs: Tensor of rank 3 or more; integers are cast.
        training: Bool, whether to use the statistics of the batch.
        mask: Optional bools or numbers, of the input's shape without the channel axis. Positions
            where it is 0 count for no statistic and are 0 in the output.

    Input shape and output shape:
        `(N, …, C)`, or `(N, C, …)` with `axis=1`. N and the positions may vary; C may not.

    Example:

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(5, 3, size=(4, 8, 8, 3)).astype("float32")
    >>> layer = SwitchableNormalization()
    >>> y = layer(x, training=True)
    >>> keras.ops.convert_to_numpy(keras.ops.softmax(layer.mean_weights)).round(2).tolist()
    [0.33..., 0.33..., 0.33...]

    Raises:
        ValueError: For an axis, epsilon or momentum out of range, an input without positions or
            with only one, unknown or changed channels, and a mask that does not fit.

    See also:
        `BatchNormalization`, `InstanceNormalization` and `LayerNormalization`, which it mixes.

    Reference:
        Luo et al., 2019, Differentiable learning-to-normalize via switchable normalization,
        https://arxiv.org/abs/1806.10779
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Initializer = "zeros",
        gamma_initializer: Initializer = "ones",
        moving_mean_initializer: Initializer = "zeros",
        moving_variance_initializer: Initializer = "ones",
        beta_regularizer: Regularizer = None,
        gamma_regularizer: Regularizer = None,
        beta_constraint: Constraint = None,
        gamma_constraint: Constraint = None,
        *,
        unbiased: bool = False,
        track_statistics: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            momentum=momentum,
            epsilon=epsilon,
            center=center,
            scale=scale,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            moving_mean_initializer=moving_mean_initializer,
            moving_variance_initializer=moving_variance_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
            unbiased=unbiased,
            track_statistics=track_statistics,
            **kwargs,
        )
        self.axis = as_int("axis", axis)
        self.mean_weights: keras.Variable | None = None
        self.variance_weights: keras.Variable | None = None

    def view(self, shape: Shape) -> backend.View:
        channel, positions = channel_and_positions(self.axis, shape)
        sizes = [shape[axis] for axis in positions]
        check_more_than_one(self, shape, sizes, "Use BatchNormalization or LayerNormalization.")
        return backend.View((0, *positions), channel, (0, *positions))

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        for name in ("mean_weights", "variance_weights"):
            weight = self.add_weight(name=name, shape=(3,), initializer="ones", autocast=False)
            setattr(self, name, weight)

    def call(
        self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None
    ) -> Tensor:
        x, mask = self._masked(inputs, mask)
        view, dtype = self.view(x.shape), self._statistics_dtype(x)
        weights = None if mask is None else ops.cast(mask, dtype)
        instance, centred = moments(ops.cast(x, dtype), weights, view.reduced[1:])
        layer = pool(instance, (view.channel,))
        if self.track_statistics and not (training and self.trainable):
            mean, variance = self._broadcast_estimates(view, dtype)
            batch = Moments(mean, ops.zeros_like(mean), variance, ops.ones_like(mean))
        else:
            batch = pool(instance, (0,))
            if self.track_statistics:
                count = ops.amax(batch.count)  # that of every channel
                found = (batch.center + batch.shift, batch.variance, count)
                found = backend.Statistics(*map(ops.stop_gradient, found))
                self._assign(self._follow(view)(found, *self._estimates()))
        shift, variance = self._mix((instance, layer, batch), dtype)
        gamma, beta = self._gamma_and_beta(view, dtype)
        rstd = ops.rsqrt(variance + self.epsilon)
        y = (centred - shift) * (rstd if gamma is None else rstd * gamma)
        return self._finish(y if beta is None else y + beta, mask)

    def _mix(self, parts: tuple[Moments, ...], dtype: str) -> tuple[Tensor, ...]:
        """Returns the mixed mean, counted from the instances' centers, and the mixed variance."""
        shares = [
            ops.softmax(ops.cast(weights, dtype))
            for weights in (self.mean_weights, self.variance_weights)
        ]
        base = parts[0].center
        means = [(part.center - base) + part.shift for part in parts]
        variances = [part.variance for part in parts]
        return tuple(
            sum(share[k] * values[k] for k in range(3))
            for share, values in zip(shares, (means, variances), strict=True)
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}
