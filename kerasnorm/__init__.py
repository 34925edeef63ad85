"""Best practices of ConvNet application, executable in Keras 3."""

from kerasnorm import normalization

__all__ = ["normalization"]
__version__ = "0.1.0"
