"""Classifiers of raw images on pretrained backbones."""

from kerasnorm.recipe.classifiers._applications import application_named
from kerasnorm.recipe.classifiers._assemble import assemble
from kerasnorm.recipe.classifiers._classifier import classifier
from kerasnorm.recipe.classifiers._weights import load_base_weights

__all__ = ["application_named", "assemble", "classifier", "load_base_weights"]
