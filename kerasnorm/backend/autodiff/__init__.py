"""Gradients and compilation of functions of tensors, for checks of layers.

Each module has the same few names, as in `kerasnorm.backend`.
"""

from kerasnorm.backend import module_of

_autodiff = module_of(__name__)
compiled = _autodiff.compiled
gradient = _autodiff.gradient

__all__ = ["compiled", "gradient"]
