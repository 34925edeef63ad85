"""Checks that whoever writes a Keras layer can run on it."""

from kerasnorm.testing._check_layer import check_layer, check_names

__all__ = ["check_layer", "check_names"]
