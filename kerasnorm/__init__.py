"""Trains image classifiers on your own photos with Keras 3.

Each chapter can be used alone; `kerasnorm.recipe` combines them:

- `kerasnorm.normalization`: layers; `kerasnorm.surgery`: the normalization of whole models;
- `kerasnorm.migrate`: models of TensorFlow Addons and Keras 2;
- `kerasnorm.transfer`: freezing, learning rates, heads, fine-tuning, and scores of sources;
- `kerasnorm.imbalance`: counts, class weights, sampling, losses, corrections and metrics;
- `kerasnorm.distribute`: the same `fit` on several devices and machines;
- `kerasnorm.recipe`: `Recipe`, `advise` and `fit`;
- `kerasnorm.tuning`: `search`, for the best of many recipes;
- `kerasnorm.testing`: `check_layer`, for your own layers.
"""

import os
import sys
from typing import TYPE_CHECKING

__version__ = "0.1.0"


def _is_the_command() -> bool:
    """Returns whether the process is `kerasnorm …` or `python -m kerasnorm …`, no program."""
    if sys.argv[:1] == ["-m"]:  # Python is still looking for the module, which may be another
        return sys.orig_argv[-len(sys.argv)].removeprefix("-m") == __name__
    return os.path.basename("".join(sys.argv[:1])).removesuffix(".exe") == __name__


# A program that imports kerasnorm can load a `.keras` file with its classes, for Keras finds those
# of other packages only once they are registered, as the import of every chapter does. The command
# imports them when it begins to work: TensorFlow takes seconds, a refusal or --help should not.
if TYPE_CHECKING or not _is_the_command():
    from kerasnorm._public import *  # noqa: F403
    from kerasnorm._public import __all__
else:

    def __getattr__(name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from kerasnorm import _public

        return getattr(_public, name)
