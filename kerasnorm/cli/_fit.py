"""`kerasnorm fit`."""

import argparse
from pathlib import Path
from typing import Any

from kerasnorm._choices import (
    AUGMENTATIONS,
    CORRECTIONS,
    IMBALANCES,
    LOSSES,
    MIXED,
    NORMALIZATIONS,
    TRANSFERS,
    read_recipe,
)
from kerasnorm._existing import holds_scenes
from kerasnorm._validation import as_int, as_number, require
from kerasnorm.cli._command import add_command, add_out, check_out
from kerasnorm.cli._data import add_data, check_data, has_weights

EXAMPLES = """examples:
  kerasnorm fit digits --out run
  kerasnorm fit photos/ --out run --backbone MobileNetV2 --weights imagenet --compare
  kerasnorm fit photos.csv --out run --epochs 30 --patience 5 --backup unfinished
  kerasnorm fit --config run.toml --seeds 3
  kerasnorm fit scenes/ --out run --model unet.keras --ignore-class 255
  kerasnorm fit photos/ --out run2 --recipe run/recipe.json --weights run/model.keras
"""
_EPILOG = """
On several machines give the same command on each, with TF_CONFIG as TensorFlow has it: all
addresses, and which one this is. Only the first one writes and prints.
"""


def add_fit(commands: Any) -> None:
    """Adds the command to a parser's commands."""
    parser = add_command(
        commands,
        "fit",
        _check,
        "train a classifier of images, or of their pixels, by a recipe; report class by class",
        EXAMPLES + _EPILOG,
    )
    add_data(parser)
    add_out(parser)
    recipe = parser.add_argument_group("recipe, by default what `kerasnorm advise` says")
    add = recipe.add_argument
    add("--recipe", metavar="FILE", help="recipe.json of an earlier run; options below override it")
    add("--normalization", choices=["none", *NORMALIZATIONS])
    add("--transfer", choices=["none", *TRANSFERS])
    add("--imbalance", choices=["none", *IMBALANCES])
    add("--loss", choices=list(LOSSES))
    add("--correction", choices=["none", *CORRECTIONS])
    add("--augmentation", choices=["none", *AUGMENTATIONS], help="of the training images")
    add("--learning-rate", type=float, metavar="RATE", help="of the head, a tenth below it")
    add("--patience", type=int, metavar="EPOCHS", help="stop after so many without a better one")
    add("--mixed-precision", choices=["none", *MIXED], help="what layers compute in")
    training = parser.add_argument_group("training")
    add = training.add_argument
    add("--seeds", type=int, help="number of seeds to train with (digits: 3, folder: 1)")
    add(
        "--folds",
        type=int,
        metavar="N",
        help="cross-validation: train N times",
    )
    add(
        "--compare",
        action="store_true",
        help="also train without the recipe (digits: always)",
    )
    add("--backup", metavar="DIR", help="save checkpoints here, and resume from them")
    add("--tensorboard", metavar="DIR", help="write TensorBoard's logs here")


def seeds(arguments: argparse.Namespace) -> range:
    """Returns the seeds to train with: as many as there are folds, where there are."""
    if (folds := getattr(arguments, "folds", None)) is not None:
        folds = as_int("--folds", folds, low=2)
        return range(arguments.seed, arguments.seed + folds)
    count = (3 if arguments.data == "digits" else 1) if arguments.seeds is None else arguments.seeds
    return range(arguments.seed, arguments.seed + as_int("--seeds", count, low=1))


def _check_folds(arguments: argparse.Namespace) -> None:
    if arguments.data == "digits" or holds_scenes(arguments.data):
        raise ValueError("--folds are for images with a class each.")
    if arguments.seeds is not None or arguments.test_split is not None:
        raise ValueError("--folds replaces --seeds and --test-split: leave these out.")


def _check(arguments: argparse.Namespace) -> None:
    require("matplotlib")
    several = arguments.data == "digits" or arguments.compare or len(seeds(arguments)) > 1
    if several and arguments.tensorboard:
        raise ValueError("--tensorboard is for a single training of a folder.")
    if arguments.data == "digits" and arguments.backup:
        raise ValueError("--backup is for images of your own: digits take a minute.")
    if arguments.learning_rate is not None:
        as_number("--learning-rate", arguments.learning_rate, 0, interval="()")
    if arguments.patience is not None:
        as_int("--patience", arguments.patience, low=1)
    if arguments.tensorboard:
        require("tensorboard", extra="tuning")
    if arguments.folds is not None:
        _check_folds(arguments)
    check_out(arguments)
    check_data(arguments)
    fields: dict[str, Any] = {}
    if arguments.recipe is not None:
        fields = read_recipe(Path(arguments.recipe).read_text(encoding="utf-8"))
    if (arguments.transfer or fields.get("transfer")) == "freeze" and not has_weights(arguments):
        raise ValueError("Nothing is learnt above frozen new weights: give --weights with freeze.")
