"""PyTorch: autograd; Keras compiles nothing there."""

import torch
from keras import ops


def gradient(function, x):
    """Returns d function(x) / dx for a function from a tensor to a scalar tensor."""
    x = ops.convert_to_tensor(x).requires_grad_()
    return torch.autograd.grad(function(x), x)[0]


def compiled(function):
    """Returns the function as it is."""
    return function
