"""JAX: `jax.grad` and `jax.jit`."""

import jax


def gradient(function, x):
    """Returns d function(x) / dx for a function from a tensor to a scalar tensor."""
    return jax.grad(function)(jax.numpy.asarray(x))


def compiled(function):
    """Returns the function compiled by XLA."""
    return jax.jit(function)
