"""Adds and checks the arguments of commands that read images."""

import argparse

from kerasnorm._existing import (
    IMAGES_FOLDER,
    MASKS_FOLDER,
    check_backbone,
    check_classes,
    check_images,
    check_shares,
    holds_scenes,
    map_model_file,
    shares_or_default,
    weights_file,
)
from kerasnorm._listing import list_folder, scene_files
from kerasnorm._tables import Columns, list_table
from kerasnorm._validation import as_int, listed, require

_COLUMNS = {
    "path": "path_column",
    "label": "label_column",
    "split": "split_column",
    "group": "group_column",
    "separator": "separator",
}
_LOWEST = {"epochs": 1, "batch_size": 1, "seed": 0, "image_size": 8}
_FOLDER_ONLY = (
    *("backbone", "weights", "image_size", "validation_split", "test_split", "strict"),
    *("ignore_class", *_COLUMNS.values()),
)


def add_data(parser: argparse.ArgumentParser) -> None:
    """Adds what `check_data` and `kerasnorm.cli.running` read."""
    parser.add_argument(
        "data",
        metavar="DATA",
        help="folder with one sub-folder of images per class, perhaps in train/, val/ and test/; "
        "a .csv file with the columns path and label, perhaps split and group; a folder with "
        "images/ and masks/ (pictures of class numbers); or: digits",
    )
    add = parser.add_argument
    add("--epochs", type=int, help="passes over the training images (digits: 12, folder: 10)")
    add("--batch-size", type=int, default=32)
    add("--seed", type=int, default=0, help="the first seed (0)")
    folder = parser.add_argument_group("folder of images")
    add = folder.add_argument
    add("--backbone", metavar="NAME", help="name in keras.applications (default: a small ConvNet)")
    add(
        *("--weights", "--model"),
        help="imagenet, none (default), or a .weights.h5 or .keras file",
    )
    add(
        "--image-size", type=int, metavar="PIXELS", help="height and width (160; small ConvNet: 64)"
    )
    add("--validation-split", type=float, metavar="SHARE", help="for choosing the epoch (0.1)")
    add("--test-split", type=float, metavar="SHARE", help="for the final evaluation (0.2); 0: none")
    add("--path-column", metavar="NAME", help="column of file names in a .csv file (path)")
    add("--label-column", metavar="NAME", help="column of classes in a .csv file (label)")
    add("--split-column", metavar="NAME", help="column with train, val or test (split, if present)")
    add(
        "--group-column",
        metavar="NAME",
        help="column of what stays in one part, such as patients (group, if present)",
    )
    add("--separator", metavar="CHARACTER", help="between columns (as in the header)")
    add("--strict", action="store_true", help="refuse unreadable images instead of skipping them")
    add(
        "--ignore-class",
        type=int,
        metavar="N",
        help="number in masks that is no class, such as 255",
    )


def check_data(arguments: argparse.Namespace) -> None:
    """Refuses what is missing or out of range; no image is opened for it."""
    require("sklearn")
    for name, low in _LOWEST.items():
        if (value := getattr(arguments, name)) is not None:
            as_int(f"--{name.replace('_', '-')}", value, low)
    if arguments.data == "digits":
        given = [name for name in _FOLDER_ONLY if getattr(arguments, name) not in (None, False)]
        if given:
            options = listed(f"--{name.replace('_', '-')}" for name in given)
            raise ValueError(f"digits have their own ConvNet and test images: leave out {options}.")
        return
    check_shares(*shares(arguments))
    check = _check_scenes if holds_scenes(arguments.data) else _check_classes
    check(arguments)


def shares(arguments: argparse.Namespace) -> tuple[float, float]:
    """Returns the shares of the images for validation and for the test."""
    return shares_or_default(arguments.validation_split, arguments.test_split)


def columns_of(arguments: argparse.Namespace) -> Columns:
    """Returns the columns of a table of images."""
    given = {name: getattr(arguments, option) for name, option in _COLUMNS.items()}
    return Columns(**{name: value for name, value in given.items() if value is not None})


def has_weights(arguments: argparse.Namespace) -> bool:
    """Returns whether the training starts from weights that have learnt something."""
    return arguments.data == "digits" or arguments.weights not in (None, "none")


def _check_scenes(arguments: argparse.Namespace) -> None:
    if arguments.backbone is not None:
        raise ValueError(
            "A --backbone gives no label maps: pass a .keras file with --model, or neither for "
            "a small U-Net."
        )
    map_model_file(arguments.weights or "none")
    scene_files(arguments.data, IMAGES_FOLDER, MASKS_FOLDER)


def _check_classes(arguments: argparse.Namespace) -> None:
    path = check_images(arguments.data)
    if arguments.ignore_class is not None:
        raise ValueError(f"--ignore-class is for masks, and {arguments.data!r} has no masks/.")
    if path.is_dir():
        given = [option for option in _COLUMNS.values() if getattr(arguments, option) is not None]
        if given:
            options = listed(f"--{option.replace('_', '-')}" for option in given)
            raise ValueError(f"{options} are for a .csv file, and {arguments.data!r} is a folder.")
        listing = list_folder(path)
    else:
        listing = list_table(path, columns_of(arguments))
    check_classes(path, listing.class_names)
    if arguments.backbone is not None:
        check_backbone(arguments.backbone)
    weights_file(arguments.weights or "none", arguments.backbone)
