"""Keeps running statistics, which batch and instance normalization use at inference."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import ops

from kerasnorm import backend
from kerasnorm._types import Initializer, Shape, Tensor
from kerasnorm._validation import as_number
from kerasnorm.normalization._normalization_layer import NormalizationLayer


class TrackedNormalization(NormalizationLayer):
    """Base class of normalizations that keep running estimates of their statistics per channel.

    moving ← momentum · moving + (1 − momentum) · statistic, where the statistic is the mean over
    examples and replicas, weighted by how many elements each rests on; where that is none at all,
    nothing moves. All replicas hold the same estimates.
    """

    def __init__(
        self,
        momentum: float = 0.99,
        moving_mean_initializer: Initializer = "zeros",
        moving_variance_initializer: Initializer = "ones",
        unbiased: bool = False,
        track_statistics: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.momentum = as_number("momentum", momentum, 0, 1)
        self.moving_mean_initializer = keras.initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = keras.initializers.get(moving_variance_initializer)
        self.unbiased = bool(unbiased)
        self.track_statistics = bool(track_statistics)
        self.moving_mean: keras.Variable | None = None
        self.moving_variance: keras.Variable | None = None

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        if self.track_statistics:
            channels = input_shape[self._channel_axis(len(input_shape))]
            self.moving_mean = self._add_statistic("moving_mean", channels)
            self.moving_variance = self._add_statistic("moving_variance", channels)

    def _add_statistic(self, name: str, channels: int | None) -> keras.Variable:
        # Float16 overflows at a deviation of 256, so statistics are never narrower than float32.
        # Every replica computes the same update, so the first one's serves for all.
        return self.add_weight(
            name=name,
            shape=(channels,),
            initializer=getattr(self, f"{name}_initializer"),
            trainable=False,
            autocast=False,
            dtype="float64" if self.variable_dtype == "float64" else "float32",
            aggregation="only_first_replica",
        )

    def call(
        self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None
    ) -> Tensor:
        x, mask = self._masked(inputs, mask)
        view = self.view(x.shape)
        if not self.track_statistics:
            y, _ = self._normalize(x, mask, view, training)
        elif training and self.trainable:
            y, moved = self._normalize(
                x, mask, view, training, then=self._follow(view), state=self._estimates()
            )
            self._assign(moved)
        else:
            y = self._normalize_with_estimates(x, view)
        return self._finish(y, mask)

    def rematerialized_call(self, layer_call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Runs once where there are estimates, which would move again when it is computed again."""
        if self.track_statistics:
            return layer_call
        return super().rematerialized_call(layer_call, *args, **kwargs)

    def _normalize_with_estimates(self, x: Tensor, view: backend.View) -> Tensor:
        dtype = self._statistics_dtype(x)
        gamma, beta = self._gamma_and_beta(view, dtype)
        moments = self._broadcast_estimates(view, dtype)
        return backend.apply_statistics(x, *moments, gamma, beta, self.epsilon, dtype)

    def _broadcast_estimates(self, view: backend.View, dtype: str) -> tuple[Tensor | None, ...]:
        return self._broadcast((self.moving_mean, self.moving_variance), view, dtype)

    def _follow(self, view: backend.View) -> "_Follow":
        return _Follow(self.momentum, self.unbiased, view.synchronized)

    def _estimates(self) -> tuple[Tensor, ...]:
        # as tensors: `ops.convert_to_tensor` returns TensorFlow's variables as they are
        return tuple(ops.cast(e, e.dtype) for e in (self.moving_mean, self.moving_variance))

    def _assign(self, estimates: tuple[Tensor, ...]) -> None:
        self.moving_mean.assign(estimates[0])
        self.moving_variance.assign(estimates[1])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "moving_mean_initializer": keras.initializers.serialize(self.moving_mean_initializer),
            "moving_variance_initializer": keras.initializers.serialize(
                self.moving_variance_initializer
            ),
            "unbiased": self.unbiased,
            "track_statistics": self.track_statistics,
        }


class _Follow(NamedTuple):
    """Moves estimates towards the statistics of a batch."""

    momentum: float
    unbiased: bool
    synchronized: bool

    def __call__(self, statistics: backend.Statistics, *estimates: Tensor) -> tuple[Tensor, ...]:
        # one row of channels an instance, ghost batch or batch
        mean, variance = (ops.reshape(part, (-1, *estimates[0].shape)) for part in statistics[:2])
        # without a mask, all have one count
        count = ops.reshape(statistics.count, (-1, 1)) * ops.ones_like(mean[:, :1])
        if self.unbiased:
            variance = variance * count / ops.maximum(count - 1, 1)
        means, weight = Average(self.synchronized)((mean, variance), count)
        rate = ops.where(weight > 0, 1 - self.momentum, 0)
        return tuple(_move(old, new, rate) for old, new in zip(estimates, means, strict=True))


class Average(NamedTuple):
    """Averages statistics over batches and replicas by how many elements each rests on."""

    synchronized: bool

    def __call__(
        self, parts: tuple[Tensor, ...], count: Tensor
    ) -> tuple[tuple[Tensor, ...], Tensor]:
        """Returns the averages of rows of channels and the number of elements behind them."""
        parts = tuple(ops.reshape(part, (-1, part.shape[-1])) for part in parts)
        count = ops.reshape(count, (-1, 1)) * ops.ones_like(parts[0][:, :1])
        sums = [ops.sum(part * count, 0) for part in parts]
        sums.append(ops.sum(count, 0))
        if not self.synchronized:
            sums = backend.sum_over_replicas(sums, backend.all_reduce_sum)
        *sums, weight = sums
        return tuple(part / ops.maximum(weight, 1) for part in sums), weight


def _move(old: Tensor, new: Tensor, rate: Tensor) -> Tensor:
    return old + ops.cast(rate, old.dtype) * (ops.cast(new, old.dtype) - old)
