"""TensorFlow: `tf.custom_gradient`, and sums over the replicas of `tf.distribute`."""

import tensorflow as tf

from kerasnorm.backend import reference


def all_reduce_sum(x, axis_name=None):
    """Sums a tensor over the replicas; the tensor itself where there is one replica."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return x
    return context.all_reduce(tf.distribute.ReduceOp.SUM, x)


def _total(x, axes):
    """Sums over the axes, which stay.

    On the CPU `reduce_sum` over all axes but the last is slow, and adds up so many numbers one by
    one that float32 loses digits. A product with ones, a block at a time, is several times as
    fast and exact. (On accelerators products may be rounded to fewer bits.)
    """
    last = len(x.shape) - 2
    if not _ONLY_CPU or last not in axes or last + 1 in axes:
        return reference.total(x, axes)
    first = last
    while first - 1 in axes:
        first -= 1
    kept, channels = tf.shape(x)[:first], tf.shape(x)[-1:]
    rows = tf.reshape(x, tf.concat([kept, [-1], channels], 0))
    sums = _sum_rows(rows, _block_size(x.shape[first:-1], tf.shape(x)[-2]))
    ones = tf.ones(last - first + 1, tf.int32)
    sums = tf.reshape(sums, tf.concat([kept, ones, channels], 0))
    sums.set_shape([1 if first <= axis <= last else size for axis, size in enumerate(x.shape)])
    return reference.total(sums, tuple(axis for axis in axes if axis < first))


def _block_size(sizes, last):
    """Returns a divisor of the product of `sizes`, or None where none is known to be useful."""
    known = 1
    for size in reversed(sizes):
        if size is None:
            break
        known *= size
    divisor = max(size for size in range(1, _BLOCK + 1) if known % size == 0)
    if divisor >= min(known, 32) > 1:
        return divisor
    return last if known == 1 and len(sizes) > 1 else None


def _sum_rows(rows, block):
    """Sums (…, R, C) over R, in blocks and what is left of the last one."""
    kept, (size, channels) = tf.shape(rows)[:-2], tf.unstack(tf.shape(rows)[-2:])
    left = None
    if block is None:
        block, whole = _BLOCK, size // _BLOCK * _BLOCK
        left = tf.reduce_sum(rows[..., whole:, :], -2)
        rows = rows[..., :whole, :]
    blocks = tf.reshape(rows, tf.concat([kept, [-1, block, channels]], 0))
    sums = tf.reduce_sum(tf.matmul(tf.ones((1, block), rows.dtype), blocks), [-3, -2])
    return sums if left is None else sums + left


_BLOCK = 1024
_ONLY_CPU = {device.device_type for device in tf.config.list_physical_devices()} == {"CPU"}
_PRIMITIVES = reference.Primitives(_total, all_reduce_sum)


def normalize(x, gamma, beta, mask, view, epsilon, dtype):
    """Normalizes `x` with its own statistics; see `reference.forward`."""

    def plain(x, gamma, beta):
        return reference.forward(x, gamma, beta, mask, view, epsilon, dtype, _PRIMITIVES)

    @tf.custom_gradient
    def fused(x, *parameters):
        given = _unpack(parameters, gamma, beta)
        y, statistics, residuals = plain(x, *given)

        def gradient(dy, *_):
            return _gradient(dy, x, *given, mask, residuals, view, plain)

        return [y, *statistics], gradient

    y, *statistics = fused(x, *_present(gamma, beta))
    return y, reference.Statistics(*statistics)


def _gradient(dy, x, gamma, beta, mask, residuals, view, plain):
    """The fused gradient, whose own gradient goes through the plain formula."""

    @tf.custom_gradient
    def first(dy, x, *parameters):
        given = _unpack(parameters, gamma, beta)
        dx, dgamma, dbeta = reference.backward(dy, x, given[0], mask, residuals, view, _PRIMITIVES)
        dgamma, dbeta = (
            None if parameter is None else grad
            for parameter, grad in zip(given, (dgamma, dbeta), strict=True)
        )

        def second(*upstream):
            sources = [dy, x, *parameters]
            with tf.GradientTape() as outer:
                outer.watch(sources)
                with tf.GradientTape() as inner:
                    inner.watch(sources)
                    y = plain(x, *given)[0]
                gradients = inner.gradient(y, sources[1:], dy)
            return outer.gradient(gradients, sources, upstream, tf.UnconnectedGradients.ZERO)

        return [dx, *_present(dgamma, dbeta)], second

    return first(dy, x, *_present(gamma, beta))


def _present(gamma, beta):
    return [parameter for parameter in (gamma, beta) if parameter is not None]


def _unpack(parameters, gamma, beta):
    """Puts the present parameters back where γ and β were given."""
    rest = iter(parameters)
    return tuple(None if given is None else next(rest) for given in (gamma, beta))
