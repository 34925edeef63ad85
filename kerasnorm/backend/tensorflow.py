"""TensorFlow: `tf.custom_gradient`, and sums over the replicas of `tf.distribute`."""

import tensorflow as tf

from kerasnorm.backend import reference


def all_reduce_sum(x):
    """Sums a tensor over the replicas; the tensor itself where there is one replica."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return x
    return context.all_reduce(tf.distribute.ReduceOp.SUM, x)


def _total(x, axes):
    """Sums over the axes, which stay.

    On the CPU a product with ones is several times as fast as `reduce_sum` over all axes but the
    last. (On accelerators products may be rounded to fewer bits.)
    """
    if axes != (len(x.shape) - 2,) or not _ONLY_CPU:
        return reference.total(x, axes)
    return tf.matmul(tf.ones((1, tf.shape(x)[-2]), x.dtype), x)


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
