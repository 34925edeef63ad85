"""PyTorch: autograd; Keras compiles nothing there."""

import torch
from keras import ops


def gradient(function, x):
    """Returns d function(x) / dx for a function from a tensor to a scalar tensor."""
    x = ops.convert_to_tensor(x).requires_grad_()
    y = function(x)
    if not y.requires_grad:  # nothing of x is in it
        return torch.zeros_like(x)
    return torch.autograd.grad(y, x, materialize_grads=True)[0]


def compiled(function):
    """Returns the function as it is."""
    return function
