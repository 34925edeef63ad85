"""The examples that `fit` and `advise` take, and the kinds of them."""

from kerasnorm.recipe.examples._contours import Contours
from kerasnorm.recipe.examples._examples import Examples, FileExamples
from kerasnorm.recipe.examples._image_classes import ImageClasses
from kerasnorm.recipe.examples._kind import Kind
from kerasnorm.recipe.examples._label_maps import LabelMaps
from kerasnorm.recipe.examples._outputs import Outputs
from kerasnorm.recipe.examples._read_examples import read_examples
from kerasnorm.recipe.examples._several_labels import SeveralLabels
from kerasnorm.recipe.examples._two_classes import TwoClasses

__all__ = [
    "Contours",
    "Examples",
    "FileExamples",
    "ImageClasses",
    "Kind",
    "LabelMaps",
    "Outputs",
    "SeveralLabels",
    "TwoClasses",
    "read_examples",
]
