"""Best practices of ConvNet application, executable in Keras 3."""

__version__ = "0.1.0"
