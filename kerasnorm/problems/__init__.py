"""What `kerasnorm fit DATA` trains: digits, folders of images, scenes with masks."""

from kerasnorm.problems._backbone import small_convnet
from kerasnorm.problems._compare import SOLVED, Problem, compare, plain_fine_tuning
from kerasnorm.problems._digits import PLACEMENTS, SIZE, load_digits
from kerasnorm.problems._digits_problem import (
    EPOCHS,
    RATE,
    SOURCE_EPOCHS,
    DigitsProblem,
    plain_ways,
)
from kerasnorm.problems._folder import (
    describe_left_out,
    describe_sizes,
)
from kerasnorm.problems._folder_problem import FolderProblem
from kerasnorm.problems._scene_problem import SceneProblem

__all__ = [
    "EPOCHS",
    "PLACEMENTS",
    "RATE",
    "SIZE",
    "SOLVED",
    "SOURCE_EPOCHS",
    "DigitsProblem",
    "FolderProblem",
    "Problem",
    "SceneProblem",
    "compare",
    "describe_left_out",
    "describe_sizes",
    "load_digits",
    "plain_fine_tuning",
    "plain_ways",
    "small_convnet",
]
