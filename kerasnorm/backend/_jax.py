"""JAX: `jax.custom_vjp`. Arrays are global, so sharded batches need no collective of ours.

Within `jax.shard_map` an array is one shard: there `axis_name` says what to sum over.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy
from jax._src.interpreters import ad

from kerasnorm._types import Shape, Tensor
from kerasnorm.backend import _reductions as reductions
from kerasnorm.backend import _reference as reference
from kerasnorm.backend._inference import infer


def all_reduce_sum(x: Tensor, axis_name: str | None = None) -> Tensor:
    """Sums over the shards of a mapped axis; without one an array already spans every device."""
    if axis_name is None:
        return x
    try:
        jax.lax.axis_size(axis_name)
    except NameError as error:
        raise ValueError(
            "`axis_name` should name an axis that `jax.shard_map` or `jax.pmap` maps where the "
            f"layer computes statistics. Received: axis_name={axis_name!r}, outside of it. "
            "Leave it out where arrays are global, as in `fit`."
        ) from error
    return jax.lax.psum(x, axis_name)


_exact_product = functools.partial(jax.numpy.matmul, precision="highest")
settle = reductions.settle  # a compiler reads all of it
_PRIMITIVES = reference.Primitives(
    reductions.total,
    reductions.one_by_one(reductions.total),
    reductions.average_by(_exact_product),
    all_reduce_sum,
    settle,
)


@functools.partial(jax.custom_vjp, nondiff_argnums=(4, 5, 6))
def _fused(
    x: Tensor,
    gamma: Tensor | None,
    beta: Tensor | None,
    mask: Tensor | None,
    view: reference.View,
    epsilon: float,
    dtype: str,
) -> Any:
    return _forward(x, gamma, beta, mask, view, epsilon, dtype)[0]


def _forward(
    x: Tensor,
    gamma: Tensor | None,
    beta: Tensor | None,
    mask: Tensor | None,
    view: reference.View,
    epsilon: float,
    dtype: str,
) -> Any:
    y, statistics, residuals = reference.forward(
        x, gamma, beta, mask, view, epsilon, dtype, _PRIMITIVES
    )
    return (y, statistics), (x, gamma, beta, mask, residuals)


def _backward(view: reference.View, epsilon: float, dtype: str, saved: Any, upstream: Any) -> Any:
    x, gamma, beta, mask, residuals = saved
    dx, dgamma, dbeta = reference.backward(
        upstream[0], x, gamma, mask, residuals, view, _PRIMITIVES
    )
    return dx, None if gamma is None else dgamma, None if beta is None else dbeta, None


_fused.defvjp(_forward, _backward)


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

    Returns it, and what `then`, which is hashable, makes of the statistics and the arrays of
    `state`. `training` may be traced, as by `keras.RematScope`.
    """
    # `jax.jit` hides forward mode; at inference no gradient needs to be quick
    plain = training is False or any(_in_forward_mode(t) for t in (x, gamma, beta))
    plain = plain and view.axis_name is None
    return _normalize(x, gamma, beta, mask, view, epsilon, dtype, then, state, plain)


def _in_forward_mode(x: Tensor | None) -> bool:
    """Returns whether `jax.jvp` and the like will push tangents through, as `custom_vjp` forbids.

    A gradient that is itself pushed forward, as in `jax.hessian`, and `jax.vmap` wrap their arrays.
    """
    while isinstance(x, jax.core.Tracer):
        if isinstance(x, ad.JVPTracer):
            return True
        x = getattr(x, "val", getattr(x, "primal", None))
    return False


@functools.partial(jax.jit, static_argnames=("view", "epsilon", "dtype", "then", "plain"))
def _normalize(
    x: Tensor,
    gamma: Tensor | None,
    beta: Tensor | None,
    mask: Tensor | None,
    view: reference.View,
    epsilon: float,
    dtype: str,
    then: Callable[..., Any],
    state: tuple[Tensor, ...],
    plain: bool,
) -> tuple[Tensor, Any]:
    """Is compiled as a whole, also where called eagerly: one program in place of fifty."""
    if plain:
        y, statistics = infer(x, gamma, beta, mask, view, epsilon, dtype, settle)
        return y, then(statistics, *state)
    # Within `shard_map`, `custom_vjp` wants γ to vary over the shards as its gradient does. Adding
    # a zero that does makes it so, and sums the gradient over the shards where γ is one for all.
    zero = jax.numpy.zeros_like(x, shape=(), dtype=dtype)
    gamma, beta, mask = (None if t is None else t + zero for t in (gamma, beta, mask))
    y, statistics = _fused(x, gamma, beta, mask, view, epsilon, dtype)
    return y, then(statistics, *state)


def has_values(x: Tensor) -> bool:
    """Returns whether an array's values can be read now, rather than in a compiled function."""
    return not isinstance(x, jax.core.Tracer)


def on_host(function: Callable[..., Any], shape: Shape, *arrays: Tensor) -> Tensor:
    """Returns `function` of NumPy arrays, a float32 array of this shape, as an array."""
    result = jax.ShapeDtypeStruct(shape, "float32")
    return jax.pure_callback(lambda *given: function(*map(numpy.asarray, given)), result, *arrays)
