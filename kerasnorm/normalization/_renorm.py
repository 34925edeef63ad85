"""Computes batch renormalization: the distance of a batch's statistics from earlier ones."""

from typing import Any, NamedTuple

from keras import ops

from kerasnorm import backend
from kerasnorm._types import Tensor

_LIMITS = ("rmax", "rmin", "dmax")
# what a layer keeps beside the moving mean and variance
RENORM_STATISTICS = ("moving_stddev", "renorm_mean", "renorm_stddev")


def check_clipping(clipping: dict[str, float] | None) -> dict[str, float] | None:
    """Raises ValueError for limits that are unknown or leave nothing between them."""
    limits = clipping or {}
    if {*limits} - {*_LIMITS}:
        raise ValueError(
            f"Received invalid keys for `renorm_clipping`: {limits}. It may have {[*_LIMITS]}."
        )
    rmax, rmin, dmax = (limits.get(key) for key in _LIMITS)
    if rmax is not None and rmin is not None and rmax < rmin:
        raise ValueError(f"rmax should be at least rmin. Received: renorm_clipping={limits}.")
    if dmax is not None and dmax < 0:
        raise ValueError(f"dmax should be non-negative. Received: renorm_clipping={limits}.")
    return clipping


class FollowRenorm(NamedTuple):
    """Moves the estimates towards a batch's statistics, and returns r and d before them.

    r = σ / σ_renorm, d = (μ − μ_renorm) / σ_renorm, both within their limits, without gradient.

    Attributes:
        average: Returns what each statistic of this batch is over all replicas, and the weight.
        momentum: Of the estimates for inference.
        renorm_momentum: Of those that r and d are measured by.
        epsilon: Added to the variance.
        clipping: The limits, as pairs of name and number.
    """

    average: Any
    momentum: float
    renorm_momentum: float
    epsilon: float
    clipping: tuple[tuple[str, float], ...]

    def __call__(self, statistics: backend.Statistics, *estimates: Tensor) -> tuple[Tensor, ...]:
        moving_mean, moving_variance, moving_stddev, renorm_mean, renorm_stddev = estimates
        limits = dict(self.clipping)
        mean = ops.reshape(statistics.mean, renorm_mean.shape)
        stddev = ops.sqrt(ops.reshape(statistics.variance, renorm_mean.shape) + self.epsilon)
        unit = ops.maximum(ops.cast(renorm_stddev, mean.dtype), self.epsilon**0.5)
        r = stddev / unit
        d = (mean - ops.cast(renorm_mean, mean.dtype)) / unit
        r = r if limits.get("rmin") is None else ops.maximum(r, limits["rmin"])
        r = r if limits.get("rmax") is None else ops.minimum(r, limits["rmax"])
        d = d if limits.get("dmax") is None else ops.clip(d, -limits["dmax"], limits["dmax"])

        (mean, stddev), weight = self.average((mean, stddev), statistics.count)

        def moved(old: Tensor, new: Tensor, momentum: float) -> Tensor:
            rate = ops.cast(ops.where(weight > 0, 1 - momentum, 0), old.dtype)
            return old + rate * (ops.cast(new, old.dtype) - old)

        moved_stddev = moved(moving_stddev, stddev, self.momentum)
        variance = ops.maximum(ops.square(moved_stddev) - self.epsilon, 0)
        return (
            ops.stop_gradient(r),
            ops.stop_gradient(d),
            moved(moving_mean, mean, self.momentum),
            ops.where(weight > 0, variance, moving_variance),
            moved_stddev,
            moved(renorm_mean, mean, self.renorm_momentum),
            moved(renorm_stddev, stddev, self.renorm_momentum),
        )
