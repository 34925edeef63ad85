"""Provides checks for your own Keras layers."""

from kerasnorm.testing._check_layer import check_layer, check_names

__all__ = ["check_layer", "check_names"]
