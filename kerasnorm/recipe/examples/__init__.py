"""The examples that `fit` and `advise` take, and the kinds of them."""

from kerasnorm.recipe.examples._examples import Examples, FileExamples
from kerasnorm.recipe.examples._image_classes import ImageClasses
from kerasnorm.recipe.examples._kind import Kind
from kerasnorm.recipe.examples._label_maps import LabelMaps
from kerasnorm.recipe.examples._read_examples import read_examples

__all__ = ["Examples", "FileExamples", "ImageClasses", "Kind", "LabelMaps", "read_examples"]
