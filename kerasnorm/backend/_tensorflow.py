"""TensorFlow: `tf.custom_gradient`, and sums over the replicas of `tf.distribute`."""

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow.python.eager import forwardprop_util, record
from tensorflow.python.ops import control_flow_util

from kerasnorm._types import Shape, Tensor
from kerasnorm.backend import _pieces as pieces
from kerasnorm.backend import _reductions as reductions
from kerasnorm.backend import _reference as reference
from kerasnorm.backend._inference import infer


def all_reduce_sum(x: Tensor, axis_name: str | None = None) -> Tensor:
    """Sums a tensor over the replicas; the tensor itself where there is one replica."""
    if _replicas() == 1:
        return x
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, x)


def _replicas() -> int:
    context = tf.distribute.get_replica_context()
    return 1 if context is None else context.num_replicas_in_sync


def _total(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Sums over the axes, which stay.

    On the CPU `reduce_sum` over all axes but the last is slow, and adds up so many numbers one by
    one that float32 loses digits. A product with ones, a block at a time, is several times as
    fast and exact. (On accelerators products may be rounded to fewer bits.)
    """
    last = len(x.shape) - 2
    if _in_xla():
        return reductions.total(x, axes)
    if not _ONLY_CPU or last not in axes or last + 1 in axes:
        return _plain_total(x, axes)
    first = last
    while first - 1 in axes:
        first -= 1
    block = _block_size(x.shape[first:-1])
    known = None not in x.shape[1:]
    sums = _sum_blocks(x, first, block) if known and block else _sum_rows(x, first, block)
    sums.set_shape([1 if first <= axis <= last else size for axis, size in enumerate(x.shape)])
    return _plain_total(sums, tuple(axis for axis in axes if axis < first))


def _totals(x: Tensor, factor: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    totals = reductions.by_pairs if _ONLY_CPU and _in_xla() else reductions.one_by_one
    return totals(_total)(x, factor, axes)


def _plain_total(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    return tf.reduce_sum(x, axes, keepdims=True) if axes else x


def _block_size(sizes: Any) -> int | None:
    """Returns a divisor of the product of `sizes`, or None where none is known to be useful."""
    known = 1
    for size in reversed(sizes):
        if size is None:
            break
        known *= size
    divisor = max(size for size in range(1, _BLOCK + 1) if known % size == 0)
    return divisor if divisor >= min(known, 32) > 1 else None


def _sum_blocks(x: Tensor, first: int, block: int) -> Tensor:
    """Sums (N, …, R, C) over all axes between `first` and the last, with few operations."""
    batch, *sizes, channels = x.shape
    blocks = math.prod(sizes[first - 1 if first else 0 :]) // block
    sums = tf.matmul(tf.ones((1, block), x.dtype), tf.reshape(x, (-1, block, channels)))
    if first == 0:
        return tf.reshape(tf.reduce_sum(sums, 0), (1,) * (len(sizes) + 1) + (channels,))
    if blocks > 1:
        sums = tf.reduce_sum(tf.reshape(sums, (-1, blocks, channels)), 1)
    kept = (-1 if batch is None else batch, *sizes[: first - 1])
    return tf.reshape(sums, (*kept, *(1,) * (len(sizes) + 1 - first), channels))


def _sum_rows(x: Tensor, first: int, block: int | None) -> Tensor:
    """Sums likewise where sizes are unknown or odd, in blocks and what is left of the last one."""
    kept, (*some, last, channels) = tf.shape(x)[:first], tf.unstack(tf.shape(x)[first:])
    rows = tf.reshape(x, tf.concat([kept, [-1, channels]], 0))
    size = tf.shape(rows)[-2]
    left = None
    if block is None and some and x.shape[-2] is None:
        block = last
    if block is None:
        block, whole = _BLOCK, size // _BLOCK * _BLOCK
        left = tf.reduce_sum(rows[..., whole:, :], -2)
        rows = rows[..., :whole, :]
    blocks = tf.reshape(rows, tf.concat([kept, [-1, block, channels]], 0))
    sums = tf.reduce_sum(tf.matmul(tf.ones((1, block), x.dtype), blocks), [-3, -2])
    sums = sums if left is None else sums + left
    ones = tf.ones(len(x.shape) - 1 - first, tf.int32)
    return tf.reshape(sums, tf.concat([kept, ones, [channels]], 0))


_BLOCK = 1024
_ONLY_CPU = {device.device_type for device in tf.config.list_physical_devices()} == {"CPU"}
# Accelerators may round products to fewer bits.
_average = reductions.average_by(tf.matmul) if _ONLY_CPU else reductions.average


def _in_xla() -> bool:
    """Returns whether XLA will compile what is being traced."""
    return control_flow_util.GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph())


def settle(center: Tensor) -> Tensor:
    """Returns a constant that is the same number to all who use it.

    Outside of XLA a tensor is, and converters of models do not know operations on bits.
    """
    return reductions.settle(center) if _in_xla() else tf.stop_gradient(center)


def _sample(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    return (reductions.sample if _in_xla() else reductions.neighbours)(x, axes)


_PRIMITIVES = reference.Primitives(_total, _totals, _average, all_reduce_sum, settle, _sample)


class _Formula(NamedTuple):
    """`reference.forward` and its gradient as functions of tensors, given all else."""

    view: reference.View
    epsilon: float
    dtype: str
    scale: bool
    center: bool
    then: Callable

    def forward(self, primitives, state, x, mask, *parameters):
        rest = iter(parameters)
        gamma, beta = (next(rest) if given else None for given in (self.scale, self.center))
        settings = self.view, self.epsilon, self.dtype
        y, statistics, residuals = reference.forward(x, gamma, beta, mask, *settings, primitives)
        return y, self.then(statistics, *state), residuals

    def backward(self, primitives, dy, x, mask, residuals, *parameters):
        gamma = parameters[0] if self.scale else None
        dx, *rest = reference.backward(dy, x, gamma, mask, residuals, self.view, primitives)
        return [dx, *itertools.compress(rest, (self.scale, self.center))]


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

    Returns it, and what `then` makes of the statistics and the tensors of `state`, which is part
    of the same program. `then` is hashable and returns a tuple of tensors without gradients.
    """
    if _is_inference(x, gamma, beta, view, training):
        y, statistics = infer(x, gamma, beta, mask, view, epsilon, dtype, settle)
        return y, then(statistics, *state)
    formula = _Formula(view, epsilon, dtype, gamma is not None, beta is not None, then)
    run = _runner(formula, x, mask, training)

    @tf.custom_gradient
    def fused(x, *parameters):
        y, found, residuals = run("forward", state, x, mask, *parameters)

        @tf.custom_gradient
        def first(dy, x, *parameters):
            def second(*upstream):
                plain = formula._replace(then=reference.keep).forward
                plain = functools.partial(plain, _PRIMITIVES, ())
                return _second_gradient(plain, dy, x, mask, parameters, upstream)

            return run("backward", dy, x, mask, residuals, *parameters), second

        return [y, *found], lambda dy, *_: first(dy, x, *parameters)

    y, *found = fused(x, *(t for t in (gamma, beta) if t is not None))
    return y, tuple(found)


def _is_inference(
    x: Tensor,
    gamma: Tensor | None,
    beta: Tensor | None,
    view: reference.View,
    training: bool | None,
) -> bool:
    """Returns whether the plain formula serves, which converters know and any mode differentiates.

    Custom loops do not always say `training=True`, but a tape then records what they call.
    """
    if view.synchronized and _replicas() > 1:
        return False
    tensors = [tf.convert_to_tensor(t) for t in (x, gamma, beta) if t is not None]
    if forwardprop_util.pack_tangents(tensors).tangents:
        return True
    if _in_xla() or training:
        return False
    return training is not None or not record.should_record_backprop(tensors)


def _runner(
    formula: _Formula, x: Tensor, mask: Tensor | None, training: bool | None
) -> Callable[..., Any]:
    """Returns what calls "forward" and "backward" of a formula with tensors."""
    if tf.executing_eagerly() or _in_xla() or _replicas() > 1:
        return lambda name, *tensors: getattr(formula, name)(_PRIMITIVES, *tensors)
    compile_it = training is not False and mask is None and pieces.worth_compiling(tuple(x.shape))
    chosen = pieces.is_compiled_size(x) if compile_it else None
    whole = formula.view.channel in formula.view.reduced

    def run(name: str, *tensors: Any) -> Any:
        return pieces.call(formula, name, _PRIMITIVES, compile_it, whole, chosen, tensors)

    return run


def _second_gradient(
    forward: Callable[..., Any],
    dy: Tensor,
    x: Tensor,
    mask: Tensor | None,
    parameters: Any,
    upstream: Any,
) -> Any:
    """The gradient of the fused gradient, by way of the plain formula."""
    sources = [dy, x, *parameters]
    with tf.GradientTape() as outer:
        outer.watch(sources)
        with tf.GradientTape() as inner:
            inner.watch(sources)
            y = forward(x, mask, *parameters)[0]
        gradients = inner.gradient(y, sources[1:], dy)
    return outer.gradient(gradients, sources, upstream, tf.UnconnectedGradients.ZERO)


def has_values(x: Tensor) -> bool:
    """Returns whether a tensor's values can be read now, rather than in a graph to come."""
    return not tf.is_symbolic_tensor(x)


def on_host(function: Callable[..., Any], shape: Shape, *arrays: Tensor) -> Tensor:
    """Returns `function` of NumPy arrays, a float32 array of this shape, as a tensor."""
    if _in_xla():
        raise ValueError(
            "This runs on the host, which code compiled by XLA cannot do: compile the model with "
            "`jit_compile=False`."
        )
    result = tf.numpy_function(function, arrays, tf.float32, stateful=False)
    return tf.ensure_shape(result, shape)
