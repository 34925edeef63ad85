from typing import Any

import keras
from keras import ops

from kerasnorm import backend
from kerasnorm._types import Constraint, Initializer, Regularizer, Shape, Tensor
from kerasnorm._validation import as_int, as_number
from kerasnorm.normalization._normalization_layer import channel_and_positions
from kerasnorm.normalization._renorm import RENORM_STATISTICS, FollowRenorm, check_clipping
from kerasnorm.normalization._tracked_normalization import Average, TrackedNormalization


@keras.saving.register_keras_serializable(package="kerasnorm")
class BatchNormalization(TrackedNormalization):
    """Normalizes each channel over the examples of the batch and their positions.

    The default of convolutional networks, for about 16 or more examples per replica and batch; with
    fewer its statistics are too noisy: use `GroupNormalization`, or `SyncBatchNormalization` over
    several devices. In training it uses the statistics of the batch and keeps running estimates;
    at inference, or with `trainable=False`, it uses the estimates:

        y = (x − E[x]) / √(Var[x] + ε) · γ + β

    It differs from `keras.layers.BatchNormalization` where that is inaccurate: a large mean causes
    no cancellation in the variance, replicas never diverge, an empty or fully masked batch changes
    nothing, and statistics are float32 under any dtype policy.

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
        renorm: Whether a training batch is corrected towards the statistics of earlier ones (batch
            renormalization): times r = σ/σ_renorm, plus d = (μ − μ_renorm)/σ_renorm.
            Defaults to False.
        renorm_clipping: Optional dict of limits, `rmax`, `rmin` and `dmax`, of r and d.
            Defaults to None.
        renorm_momentum: A float in [0, 1), of μ_renorm and σ_renorm. Defaults to 0.99.
        synchronized: Whether statistics span all replicas; see `SyncBatchNormalization`.
            Defaults to False.
        axis_name: Optional name of the axis that they span; see `SyncBatchNormalization`.
            Defaults to None.
        unbiased: Whether the running variance is Var · n/(n−1), as in PyTorch, and in Keras 2 for
            images. The batch is always normalized with the biased one.
            Defaults to False.
        track_statistics: Whether to keep running estimates. Without them the layer normalizes
            with the batch's own statistics at inference too. Defaults to True.
        virtual_batch_size: Optional int above 0: in training, every group of so many examples
            is normalized separately (ghost batches); the last group may be smaller.
            Defaults to None.
        **kwargs: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: Tensor of rank 2 or more; integers are cast.
        training: Bool, whether to use the statistics of the batch.
        mask: Optional bools or numbers, of the input's shape without the channel axis. Positions
            where it is 0 count for no statistic and are 0 in the output.

    Input shape and output shape:
        `(N, …, C)`, or `(N, C, …)` with `axis=1`. N and the positions may vary; C may not.

    Example:

    >>> import numpy as np
    >>> layer = BatchNormalization()
    >>> x = np.random.default_rng(0).normal(5, 3, size=(32, 8, 8, 4)).astype("float32")
    >>> y = keras.ops.convert_to_numpy(layer(x, training=True))
    >>> bool(np.allclose(y.mean((0, 1, 2)), 0, atol=1e-5))
    True

    Raises:
        ValueError: For an axis, epsilon, momentum or virtual batch size out of range, an
            `axis_name` that is none, an input whose channels are unknown or have changed, and a
            mask that does not fit.

    See also:
        `SyncBatchNormalization`, for several devices; `GroupNormalization`, for small batches;
        `kerasnorm.surgery.recompute_statistics`.

    References:
        Ioffe and Szegedy, 2015, Batch normalization, https://arxiv.org/abs/1502.03167
        Hoffer, Hubara and Soudry, 2017, Train longer, generalize better,
        https://arxiv.org/abs/1705.08741 (ghost batches)
        Ioffe, 2017, Batch renormalization, https://arxiv.org/abs/1702.03275
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
        renorm: bool = False,
        renorm_clipping: dict[str, float] | None = None,
        renorm_momentum: float = 0.99,
        *,
        synchronized: bool = False,
        axis_name: str | None = None,
        unbiased: bool = False,
        track_statistics: bool = True,
        virtual_batch_size: int | None = None,
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
        self.synchronized = bool(synchronized)
        self.axis_name = _as_axis_name(axis_name, self.synchronized)
        self.virtual_batch_size = _as_virtual_batch_size(virtual_batch_size, self.synchronized)
        self.renorm = bool(renorm)
        self.renorm_clipping = check_clipping(renorm_clipping) if self.renorm else renorm_clipping
        self.renorm_momentum = as_number("renorm_momentum", renorm_momentum, 0, 1)
        if self.renorm and (unbiased or virtual_batch_size is not None or not track_statistics):
            raise ValueError(
                "`renorm` uses the biased moving statistics of whole batches. Received it with "
                f"unbiased={unbiased}, virtual_batch_size={virtual_batch_size}, "
                f"track_statistics={track_statistics}."
            )

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        for name in RENORM_STATISTICS if self.renorm else ():
            variable = self._add_statistic(name, self.moving_mean.shape[0])
            setattr(self, name, variable)

    @property
    def renorm_mean_initializer(self) -> Any:
        return self.moving_mean_initializer

    @property
    def moving_stddev_initializer(self) -> Any:
        return lambda shape, dtype=None: ops.sqrt(self.moving_variance_initializer(shape, dtype))

    renorm_stddev_initializer = moving_stddev_initializer

    def view(self, shape: Shape) -> backend.View:
        channel, positions = channel_and_positions(self.axis, shape)
        others = (0, *positions)
        return backend.View(
            others, channel, others, synchronized=self.synchronized, axis_name=self.axis_name
        )

    def _normalize(
        self, x: Tensor, mask: Tensor | None, view: backend.View, training: bool | None, **then: Any
    ) -> tuple[Tensor, Any]:
        if self.renorm and then:  # in training
            return self._renormalize(x, mask, view, training, **then)
        if self.virtual_batch_size is None:
            return super()._normalize(x, mask, view, training, **then)
        shape = ops.shape(x)
        x, mask = self._split(x, mask, view)
        behind = tuple(axis + 1 for axis in view.reduced)
        ghosts = view._replace(reduced=behind, channel=view.channel + 1, broadcast=(0, *behind))
        y, found = super()._normalize(x, mask, ghosts, training, **then)
        return ops.reshape(y, (-1, *shape[1:]))[: shape[0]], found

    def _renormalize(
        self, x: Tensor, mask: Tensor | None, view: backend.View, training: bool | None, **then: Any
    ) -> tuple[Tensor, Any]:
        dtype = self._statistics_dtype(x)
        weights = None if mask is None else ops.cast(mask, dtype)
        settings = view, self.epsilon, dtype, training
        y, (r, d, *moved) = backend.normalize(x, None, None, weights, *settings, **then)
        r, d = self._broadcast((r, d), view, dtype)
        gamma, beta = self._gamma_and_beta(view, dtype)
        scale, shift = (r, d) if gamma is None else (r * gamma, d * gamma)
        return y * scale + (shift if beta is None else shift + beta), moved

    def _follow(self, view: backend.View) -> Any:
        if not self.renorm:
            return super()._follow(view)
        clipping = tuple((self.renorm_clipping or {}).items())
        settings = self.momentum, self.renorm_momentum, self.epsilon, clipping
        return FollowRenorm(Average(view.synchronized), *settings)

    def _estimates(self) -> tuple[Tensor, ...]:
        more = [getattr(self, name) for name in RENORM_STATISTICS] if self.renorm else []
        return (*super()._estimates(), *(ops.cast(each, each.dtype) for each in more))

    def _assign(self, estimates: tuple[Tensor, ...]) -> None:
        super()._assign(estimates[:2])
        for name, value in zip(
            RENORM_STATISTICS if self.renorm else (), estimates[2:], strict=True
        ):
            getattr(self, name).assign(value)

    def _split(self, x: Tensor, mask: Tensor | None, view: backend.View) -> tuple[Tensor, Tensor]:
        """Folds the batch axis into (ghost batches, examples); what pads the last is masked."""
        size = self.virtual_batch_size
        if mask is None:
            mask = ops.ones_like(ops.take(x, [0], axis=view.channel), dtype="bool")
        examples = ops.shape(x)[0]
        ghosts = -(-examples // size)  # so that JAX can tell an unknown size to be a multiple
        padding = [(0, ghosts * size - examples)] + [(0, 0)] * (len(x.shape) - 1)
        return tuple(
            ops.reshape(ops.pad(part, padding), (ghosts, size, *ops.shape(part)[1:]))
            for part in (x, mask)
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "axis": self.axis,
            "renorm": self.renorm,
            "renorm_clipping": self.renorm_clipping,
            "renorm_momentum": self.renorm_momentum,
            "synchronized": self.synchronized,
            "axis_name": self.axis_name,
            "virtual_batch_size": self.virtual_batch_size,
        }


def _as_axis_name(name: str | None, synchronized: bool) -> str | None:
    if name is None:
        return None
    if not isinstance(name, str) or not name:
        raise ValueError(
            "`axis_name` should be the name of an axis of `jax.shard_map`, or None. "
            f"Received: axis_name={name!r}."
        )
    if not synchronized:
        raise ValueError(
            "`axis_name` says over which axis statistics are synchronized. "
            f"Received: axis_name={name!r} without `synchronized=True`."
        )
    return name


def _as_virtual_batch_size(size: int | None, synchronized: bool) -> int | None:
    if size is None:
        return None
    size = as_int("virtual_batch_size", size)
    if size < 1:
        raise ValueError(
            f"`virtual_batch_size` should be at least 1. Received: virtual_batch_size={size}."
        )
    if synchronized:
        raise ValueError(
            "`virtual_batch_size` normalizes fewer examples than the replica has, "
            "`synchronized=True` more. Received both: choose one."
        )
    return size
