"""PyTorch: an autograd function, and sums over the ranks of `torch.distributed`."""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed
from torch.autograd import forward_ad
from torch.distributed.nn.functional import all_reduce

from kerasnorm._types import Shape, Tensor
from kerasnorm.backend import _reductions as reductions
from kerasnorm.backend import _reference as reference
from kerasnorm.backend._inference import infer


def all_reduce_sum(x: Tensor, axis_name: str | None = None) -> Tensor:
    """Sums a tensor over the ranks; the tensor itself outside a process group."""
    return all_reduce(x) if _has_ranks() else x


def _has_ranks() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def _total(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    return x.sum(axes, keepdim=True) if axes else x


def settle(center: Tensor) -> Tensor:
    """Returns a constant that is the same number to all who use it, as a tensor of torch is."""
    return center.detach()


_PRIMITIVES = reference.Primitives(
    _total, reductions.one_by_one(_total), reductions.average, all_reduce_sum, settle
)


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, gamma, beta, mask, view, epsilon, dtype):
        y, statistics, residuals = reference.forward(
            x, gamma, beta, mask, view, epsilon, dtype, _PRIMITIVES
        )
        ctx.save_for_backward(x, gamma, beta, mask, *residuals)
        ctx.settings = view, epsilon, dtype
        ctx.mark_non_differentiable(*statistics)
        return y, *statistics

    @staticmethod
    def backward(ctx, dy, *_):
        x, gamma, beta, mask, *residuals = ctx.saved_tensors
        view, epsilon, dtype = ctx.settings
        if torch.is_grad_enabled():  # create_graph=True: the gradient must itself have one
            y = reference.forward(x, gamma, beta, mask, view, epsilon, dtype, _PRIMITIVES)[0]
            wanted = [t for t in (x, gamma, beta) if t is not None and t.requires_grad]
            found = iter(torch.autograd.grad(y, wanted, dy, create_graph=True))
            gradients = [
                next(found) if t is not None and t.requires_grad else None for t in (x, gamma, beta)
            ]
        else:
            dx, dgamma, dbeta = reference.backward(
                dy, x, gamma, mask, reference.Residuals(*residuals), view, _PRIMITIVES
            )
            gradients = [dx, None if gamma is None else dgamma, None if beta is None else dbeta]
        return *gradients, None, None, None, None


def normalize(
    x: Tensor,
    gamma: Tensor | None,
    beta: Tensor | None,
    mask: Tensor | None,
    view: reference.View,
    epsilon: float,
    dtype: str,
    training: bool | None = False,
    then: Callable[..., Any] = reference.keep,
    state: tuple[Tensor, ...] = (),
) -> tuple[Tensor, Any]:
    """Normalizes `x` with its own statistics; see `reference.forward`.

    Returns it, and what `then` makes of the statistics and the tensors of `state`.
    """
    if _is_transformed(x, gamma, beta) and not _spans_ranks(view):
        y, statistics = infer(x, gamma, beta, mask, view, epsilon, dtype, settle)
        return y, then(statistics, *state)
    kernel = _kernel(view, x.ndim)
    if mask is None and kernel is not None and not view.synchronized and x.numel():
        x = x.to(getattr(torch, dtype))
        y, *statistics = _normalize_by(kernel, x, gamma, beta, view, epsilon)
    else:
        y, *statistics = _Fused.apply(x, gamma, beta, mask, view, epsilon, dtype)
    return y, then(reference.Statistics(*statistics), *state)


def _is_transformed(*tensors: Tensor | None) -> bool:
    """Returns whether something other than a backward pass will read what is computed.

    `torch.compile` and `torch.export`, which make their own kernels, the transformations of
    `torch.func`, and forward mode know neither an autograd function nor all native kernels.
    """
    if torch.compiler.is_compiling() or torch._C._functorch.peek_interpreter_stack() is not None:
        return True
    return any(t is not None and forward_ad.unpack_dual(t).tangent is not None for t in tensors)


def _spans_ranks(view: reference.View) -> bool:
    return view.synchronized and _has_ranks()


def _kernel(view: reference.View, rank: int) -> Callable[..., Any] | None:
    """Returns torch's own kernel for these axes, or None where it has none that is exact.

    With channels last torch's kernels add up one by one: half a million numbers are off by 4e-4.
    A copy helps groups; for a batch it takes longer than the formula.
    """
    positions = tuple(axis for axis in range(1, rank) if axis != view.channel)
    if view.reduced == (0, *positions) and positions and view.channel == 1:
        return _batch
    if view.reduced == positions and positions:
        return _group
    trailing = tuple(range(rank - len(view.reduced), rank))
    return _layer if view.reduced == trailing and view.channel in trailing else None


def _normalize_by(
    kernel: Callable[..., Any],
    x: Tensor,
    gamma: Tensor | None,
    beta: Tensor | None,
    view: reference.View,
    epsilon: float,
) -> tuple[Tensor, ...]:
    """Normalizes with a kernel of torch, which keeps one number for the mean, near that mean."""
    centers = reference.find_center(x, None, view, _PRIMITIVES)
    shared = 0 in view.broadcast  # γ and β by all examples, as the kernels take them
    parameters = (gamma, beta) if shared else (None, None)
    y, shift, rstd = kernel(x - centers, *parameters, view, epsilon)
    if not shared:
        y = y if gamma is None else y * gamma
        y = y if beta is None else y + beta
    with torch.no_grad():
        mean = centers + shift.reshape(centers.shape)
        variance = (rstd.reshape(centers.shape) ** -2 - epsilon).clamp(min=0)
        count = reference.count_elements(x, None, view, _total)
    return y, mean, variance, count


def _batch(
    x: Tensor, gamma: Tensor | None, beta: Tensor | None, view: reference.View, epsilon: float
) -> Any:
    gamma, beta = (None if t is None else t.reshape(-1) for t in (gamma, beta))
    return torch.native_batch_norm(x.contiguous(), gamma, beta, None, None, True, 0.0, epsilon)


def _group(
    x: Tensor, gamma: Tensor | None, beta: Tensor | None, view: reference.View, epsilon: float
) -> Any:
    x = x.movedim(view.channel, 1).contiguous()
    gamma, beta = (None if t is None else t.reshape(-1) for t in (gamma, beta))
    if gamma is None and beta is not None:
        gamma = torch.ones_like(beta)  # without it torch has no gradient of β
    examples, channels, *positions = x.shape
    groups = view.groups or channels
    sizes = examples, channels, math.prod(positions), groups
    y, *found = torch.native_group_norm(x, gamma, beta, *sizes, epsilon)
    # one a channel, as the formula has them
    found = (part.repeat_interleave(channels // groups, 1) for part in found)
    return y.movedim(1, view.channel), *found


def _layer(
    x: Tensor, gamma: Tensor | None, beta: Tensor | None, view: reference.View, epsilon: float
) -> Any:
    shape = x.shape[view.reduced[0] :]
    gamma, beta = (None if t is None else t.reshape(shape) for t in (gamma, beta))
    return torch.native_layer_norm(x, shape, gamma, beta, epsilon)


def has_values(x: Tensor) -> bool:
    """Returns whether a tensor's values can be read now, without breaking a compiled graph."""
    return not (x.is_meta or torch.compiler.is_compiling())


def on_host(function: Callable[..., Any], shape: Shape, *arrays: Tensor) -> Tensor:
    """Returns `function` of NumPy arrays, a float32 array of this shape, as a tensor."""
    result = function(*(array.detach().cpu().numpy() for array in arrays))
    return torch.from_numpy(result).to(arrays[0].device)
