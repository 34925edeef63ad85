"""TensorFlow: tapes, and XLA by `tf.function`."""

import tensorflow as tf


def gradient(function, x):
    """Returns d function(x) / dx for a function from a tensor to a scalar tensor."""
    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.gradient(y, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def compiled(function):
    """Returns the function compiled by XLA."""
    return tf.function(function, jit_compile=True)
