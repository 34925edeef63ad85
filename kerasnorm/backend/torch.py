"""PyTorch: an autograd function, and sums over the ranks of `torch.distributed`."""

import torch
import torch.distributed
from torch.distributed.nn.functional import all_reduce

from kerasnorm.backend import reductions, reference


def all_reduce_sum(x, axis_name=None):
    """Sums a tensor over the ranks; the tensor itself outside a process group."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return x
    return all_reduce(x)


def _total(x, axes):
    return x.sum(axes, keepdim=True) if axes else x


_PRIMITIVES = reference.Primitives(_total, reductions.average, all_reduce_sum)


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


def normalize(x, gamma, beta, mask, view, epsilon, dtype, training=False):
    """Normalizes `x` with its own statistics; see `reference.forward`."""
    y, *statistics = _Fused.apply(x, gamma, beta, mask, view, epsilon, dtype)
    return y, reference.Statistics(*statistics)
