"""The arguments of the commands that read images, and what they make of them."""

import argparse
import sys
from typing import Any

from kerasnorm._validation import as_int, listed, require
from kerasnorm.problems import (
    EPOCHS,
    RATE,
    DigitsProblem,
    FolderProblem,
    Problem,
    SceneProblem,
    describe_unreadable,
    holds_scenes,
    read_images,
)
from kerasnorm.recipe import Advice, Recipe, advise

_FOLDER_ONLY = (
    *("backbone", "weights", "image_size", "validation_split", "test_split", "strict"),
    "ignore_class",
)


def add_data(parser: argparse.ArgumentParser) -> None:
    """Adds what `read_problem` and `advice_for` read."""
    parser.add_argument(
        "data",
        metavar="DATA",
        help="folder with a sub-folder of images a class, a .csv file with the columns path and "
        "label, a folder with images/ and their masks/ (pictures of class numbers), or: digits",
    )
    add = parser.add_argument
    add("--epochs", type=int, help="passes over the training images (digits: 12, folder: 10)")
    add("--batch-size", type=int, default=32)
    add("--seed", type=int, default=0, help="the first seed (0)")
    folder = parser.add_argument_group("folder of images")
    add = folder.add_argument
    add("--backbone", metavar="NAME", help="of keras.applications; default: a small ConvNet")
    add(
        *("--weights", "--model"),
        help="imagenet, none (default), or a file: .weights.h5 or, a whole model, .keras",
    )
    add("--image-size", type=int, metavar="PIXELS", help="default: 160, small ConvNet: 64")
    add("--validation-split", type=float, metavar="SHARE", help="to choose the epoch by (0.1)")
    add("--test-split", type=float, metavar="SHARE", help="for the figures (0.2); 0: none")
    add("--strict", action="store_true", help="refuse unreadable images instead of skipping them")
    add("--ignore-class", type=int, metavar="N", help="of masks: the number of no class, as 255")


def read_problem(arguments: argparse.Namespace) -> Problem:
    """Returns the data to train on and the models to start from; fills in the epochs."""
    require("sklearn")
    digits = arguments.data == "digits"
    if arguments.epochs is None:
        arguments.epochs = EPOCHS if digits else 10
    as_int("--epochs", arguments.epochs, low=1)
    as_int("--batch-size", arguments.batch_size, low=1)
    as_int("--seed", arguments.seed, low=0)
    if digits:
        given = [name for name in _FOLDER_ONLY if getattr(arguments, name) not in (None, False)]
        if given:
            options = listed(f"--{name.replace('_', '-')}" for name in given)
            raise ValueError(f"digits have their own ConvNet and test images: leave out {options}.")
        return DigitsProblem()
    shares = tuple(
        default if given is None else given
        for given, default in ((arguments.validation_split, 0.1), (arguments.test_split, 0.2))
    )
    size = arguments.image_size and as_int("--image-size", arguments.image_size, low=8)
    weights, ignore_class = arguments.weights or "none", arguments.ignore_class
    if holds_scenes(arguments.data):
        if arguments.backbone is not None:
            raise ValueError(
                "A --backbone gives no label maps: give the .keras file of a --model that does, or "
                "none for a small U-Net."
            )
        return SceneProblem(arguments.data, weights, size, shares, ignore_class)
    if ignore_class is not None:
        raise ValueError(f"--ignore-class is for masks, and {arguments.data!r} has no masks/.")
    files, unreadable = read_images(arguments.data, arguments.strict)
    if unreadable:
        print(f"kerasnorm: skipped {describe_unreadable(unreadable)}", file=sys.stderr)
    return FolderProblem(files, arguments.backbone, weights, size, shares)


def advice_for(arguments: argparse.Namespace, problem: Problem, **settings: Any) -> Advice:
    """Returns the advice on a problem with its first seed; from scratch without weights."""
    train, _, _ = problem.data(arguments.seed)
    model = problem.model(Recipe(), arguments.seed)
    rate = RATE if arguments.data == "digits" else 3e-4 if problem.pretrained else 1e-3
    return advise(
        model,
        train,
        batch_size=arguments.batch_size,
        epochs=arguments.epochs,
        learning_rate=rate,
        pretrained=problem.pretrained,
        seed=arguments.seed,
        **settings,
    )
