"""The formula in float64 NumPy, written from the papers and not from the code under test."""

import numpy as np


def normalize(x, axes, *, groups=None, mask=None, epsilon=1e-3, gamma=1.0, beta=0.0):
    """Normalizes channels-last `x` over `axes`; with `groups`, over the channels of a group too.

    `mask` has the shape of `x` without its last axis. Masked positions come out as 0.
    """
    x = np.asarray(x, "float64")
    keep = np.ones(x.shape, bool) if mask is None else np.broadcast_to(mask[..., None], x.shape)
    y, _, _ = _standardize(x, keep.astype(bool), tuple(axes), groups, epsilon)
    return np.where(keep, y * gamma + beta, 0)


def statistics(x, axes, mask=None):
    """Returns mean, biased variance and count over `axes`, which are dropped."""
    x = np.asarray(x, "float64")
    keep = np.ones(x.shape, bool) if mask is None else np.broadcast_to(mask[..., None], x.shape)
    _, mean, variance = _standardize(x, keep.astype(bool), tuple(axes), None, 1.0)
    return mean.squeeze(axes), variance.squeeze(axes), keep.sum(axes)


def input_gradient(x, upstream, axes, *, mask=None, epsilon=1e-3):
    """Returns ∂Σ upstream·normalize(x)/∂x, by the chain rule through mean and variance."""
    x = np.asarray(x, "float64")
    keep = np.ones(x.shape, bool) if mask is None else np.broadcast_to(mask[..., None], x.shape)
    y = normalize(x, axes, mask=mask, epsilon=epsilon)
    _, _, variance = _standardize(x, keep.astype(bool), tuple(axes), None, epsilon)
    upstream = np.where(keep, upstream, 0)
    count = np.maximum(keep.sum(axes, keepdims=True), 1)
    first, second = (part.sum(axes, keepdims=True) / count for part in (upstream, upstream * y))
    return np.where(keep, (upstream - first - y * second) / np.sqrt(variance + epsilon), 0)


def filter_response(x, axes, *, mask=None, epsilon=1e-6, gamma=1.0, beta=0.0):
    """Divides channels-last `x` by the root of its mean square over `axes`."""
    x = np.asarray(x, "float64")
    keep = np.ones(x.shape, bool) if mask is None else np.broadcast_to(mask[..., None], x.shape)
    keep = keep.astype(bool)
    count = np.maximum(keep.sum(axes, keepdims=True), 1)
    square = np.where(keep, x**2, 0).sum(axes, keepdims=True) / count
    return np.where(keep, x / np.sqrt(square + epsilon) * gamma + beta, 0)


def switchable(x, axes, *, mask=None, epsilon=1e-3, gamma=1.0, beta=0.0, shares=(1 / 3,) * 3):
    """Mixes instance, layer and batch statistics of channels-last `x`, which `axes` says of none.

    `shares` are of the means and variances, or a pair for either.
    """
    x = np.asarray(x, "float64")
    keep = np.ones(x.shape, bool) if mask is None else np.broadcast_to(mask[..., None], x.shape)
    keep = keep.astype(bool)
    of_means, of_variances = shares if np.ndim(shares) == 2 else (shares, shares)
    mean = variance = 0.0
    examples = range(x.ndim)
    for share, other, over in zip(
        of_means, of_variances, (examples[1:-1], examples[1:], examples[:-1]), strict=True
    ):
        _, found_mean, found_variance = _standardize(x, keep, tuple(over), None, epsilon)
        mean, variance = mean + share * found_mean, variance + other * found_variance
    return np.where(keep, (x - mean) / np.sqrt(variance + epsilon) * gamma + beta, 0)


def _standardize(x, keep, axes, groups, epsilon):
    shape = x.shape
    if groups is not None:
        split = (*shape[:-1], groups, shape[-1] // groups)
        x, keep = x.reshape(split), keep.reshape(split)
        axes = (*axes, x.ndim - 1)
    count = np.maximum(keep.sum(axes, keepdims=True), 1)
    mean = np.where(keep, x, 0).sum(axes, keepdims=True) / count
    variance = (np.where(keep, x - mean, 0) ** 2).sum(axes, keepdims=True) / count
    return ((x - mean) / np.sqrt(variance + epsilon)).reshape(shape), mean, variance
