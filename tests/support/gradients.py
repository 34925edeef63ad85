"""Gradients and compilation on whichever backend the tests run, for tests only."""

import keras
import numpy as np
from keras import ops


def gradient(function, x):
    """Returns d function(x) / dx as an array; `function` maps a tensor to a scalar tensor."""
    return ops.convert_to_numpy(_BACKENDS[keras.config.backend()](function, x))


def output_and_gradient(function, x, upstream):
    """Returns function(x) and d Σ upstream·function(x) / dx as arrays, in one pass.

    On JAX it is one compilation; outside of `jax.jit` there would be one an operation.
    """
    if keras.config.backend() == "jax":
        import jax

        def total(x):
            y = function(x)
            return (y * upstream).sum(), y

        (_, y), slope = jax.jit(jax.value_and_grad(total, has_aux=True))(jax.numpy.array(x))
        return np.asarray(y), np.asarray(slope)
    outputs = []

    def total(x):
        outputs.append(function(x))
        return ops.sum(ops.multiply(outputs[0], upstream))

    slope = gradient(total, x)
    return ops.convert_to_numpy(outputs[0]), slope


def output_and_gradients(layer, x, upstream):
    """Returns layer(x), and d Σ upstream·layer(x) by x and by each weight that trains."""
    backend = keras.config.backend()
    if backend == "jax":
        import jax

        def total(x, values):
            others = [variable.value for variable in layer.non_trainable_variables]
            y, _ = layer.stateless_call(values, others, x)
            return (y * upstream).sum(), y

        values = [variable.value for variable in layer.trainable_variables]
        of = jax.jit(jax.value_and_grad(total, (0, 1), has_aux=True))
        (_, y), (slope, slopes) = of(jax.numpy.array(x), values)
        return np.asarray(y), np.asarray(slope), [np.asarray(each) for each in slopes]
    sources = [ops.convert_to_tensor(x), *(v.value for v in layer.trainable_variables)]
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(sources[0])
            y = layer(sources[0])
            total = tf.reduce_sum(y * upstream)
        slopes = tape.gradient(total, sources)
    else:
        import torch

        sources[0].requires_grad_()
        y = layer(sources[0])
        slopes = torch.autograd.grad((y * ops.convert_to_tensor(upstream)).sum(), sources)
    slope, *slopes = map(ops.convert_to_numpy, slopes)
    return ops.convert_to_numpy(y), slope, slopes


def second_gradient(function, x):
    """Returns d ‖d function(x) / dx‖² / dx, what a gradient penalty needs."""
    backend = keras.config.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        x = tf.constant(x)
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = function(x)
            penalty = tf.reduce_sum(inner.gradient(y, x) ** 2)
        return outer.gradient(penalty, x).numpy()
    if backend == "jax":
        import jax

        penalty = lambda x: (jax.grad(function)(x) ** 2).sum()  # noqa: E731
        return np.asarray(jax.jit(jax.grad(penalty))(jax.numpy.array(x)))
    import torch

    x = torch.tensor(x, requires_grad=True)
    (first,) = torch.autograd.grad(function(x), x, create_graph=True)
    return torch.autograd.grad((first**2).sum(), x)[0].numpy()


def compiled(function):
    """Returns a function of tensors compiled by XLA, on TensorFlow or JAX."""
    if keras.config.backend() == "jax":
        import jax

        return jax.jit(function)
    import tensorflow as tf

    return tf.function(function, jit_compile=True)


def _tensorflow(function, x):
    import tensorflow as tf

    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.gradient(y, x)


def _jax(function, x):
    import jax

    return jax.jit(jax.grad(function))(jax.numpy.array(x))


def _torch(function, x):
    import torch

    x = ops.convert_to_tensor(x).requires_grad_()
    return torch.autograd.grad(function(x), x)[0]


_BACKENDS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
