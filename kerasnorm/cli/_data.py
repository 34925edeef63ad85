"""Adds and checks the arguments of commands that read images."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kerasnorm._existing import (
    IMAGES_FOLDER,
    check_backbone,
    check_classes,
    check_images,
    check_shares,
    holds_scenes,
    map_model_file,
    masks_folder_of,
    shares_or_default,
    weights_file,
)
from kerasnorm._listing import list_folder, scene_files
from kerasnorm._tables import Columns, list_table
from kerasnorm._validation import as_int, listed, require
from kerasnorm.cli._device import add_device, check_device

_COLUMNS = {
    "path": "path_column",
    "label": "label_column",
    "split": "split_column",
    "group": "group_column",
    "separator": "separator",
    "label_separator": "label_separator",
}
_LOWEST = {"epochs": 1, "batch_size": 1, "seed": 0, "image_size": 8}
_FOLDER_ONLY = (
    *("backbone", "weights", "image_size", "validation_split", "test_split", "strict"),
    *("ignore_class", "class_names", "kept_in", *_COLUMNS.values()),
)


def add_data(parser: argparse.ArgumentParser) -> None:
    """Adds what `check_data` and `kerasnorm.cli.running` read."""
    parser.add_argument(
        "data",
        metavar="DATA",
        help="folder with a sub-folder of images a class, perhaps below train/, val/ and test/; a "
        ".csv file with the columns path and label, perhaps split and group; a folder with images/ "
        "and their masks/ (pictures of class numbers) or edges/ (of contours, 0 and 255); or: "
        "digits",
    )
    add = parser.add_argument
    add("--epochs", type=int, help="passes over the training images (digits: 12, folder: 10)")
    add("--batch-size", type=int, default=32)
    add("--seed", type=int, default=0, help="the first seed (0)")
    add_device(parser)
    folder = parser.add_argument_group("folder of images")
    add = folder.add_argument
    add("--backbone", metavar="NAME", help="name in keras.applications (default: a small ConvNet)")
    add(
        *("--weights", "--model"),
        help="imagenet, none (default), or a .weights.h5 or .keras file",
    )
    add("--image-size", type=int, metavar="PIXELS", help="default: 160, small ConvNet: 64")
    add("--validation-split", type=float, metavar="SHARE", help="to choose the epoch by (0.1)")
    add("--test-split", type=float, metavar="SHARE", help="for the figures (0.2); 0: none")
    add_columns(folder)
    add(
        "--kept-in",
        metavar="DIR",
        help="keep the decoded images in a file here, for later runs; by default in the temporary "
        "folder, where they do not fit in memory",
    )
    add("--strict", action="store_true", help="refuse unreadable images instead of skipping them")
    add(
        "--class-names",
        metavar="NAMES",
        help="of the classes in their order, separated by commas, or a file with one a line",
    )
    add("--ignore-class", type=int, metavar="N", help="of masks: the number of no class, as 255")


def add_columns(parser: Any) -> None:
    """Adds the names of the columns of a table to a parser, or to a group of it."""
    add = parser.add_argument
    add("--path-column", metavar="NAME", help="of a .csv file (path)")
    add(
        "--label-column",
        metavar="NAME",
        help="of a .csv file (label); NAME,NAME,…: columns of 0 and 1, one for each label",
    )
    add("--split-column", metavar="NAME", help="says train, val or test (split, if there is one)")
    add(
        "--group-column",
        metavar="NAME",
        help="column of what stays in one part, such as patients (group, if present)",
    )
    add("--separator", metavar="CHARACTER", help="between columns (what the header has)")
    add(
        "--label-separator",
        metavar="TEXT",
        help="between the labels of an image in a cell, of which it may have several or none",
    )


def check_data(arguments: argparse.Namespace) -> None:
    """Refuses what is missing or out of range; no image is opened for it."""
    require("sklearn")
    check_device(arguments)
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


def class_names_of(arguments: argparse.Namespace, found: Sequence[str]) -> Sequence[str]:
    """Returns the names of the classes that were found, or those that the option gives them.

    Raises:
        ValueError: If there are more or fewer, or two are the same.
    """
    given = arguments.class_names
    if given is None:
        return found
    path = Path(given).expanduser()
    if "," not in given and path.is_file():
        lines = path.read_text(encoding="utf-8").splitlines()
    else:
        lines = given.split(",")
    names = tuple(name for line in lines if (name := line.strip()))
    if len(names) != len(found) or len({*names}) != len(names):
        raise ValueError(
            f"--class-names should give {len(found)} different names, of {listed(found, most=5)}. "
            f"Received: {listed(names, most=5)}."
        )
    return names


def has_weights(arguments: argparse.Namespace) -> bool:
    """Returns whether the training starts from weights that have learnt something."""
    return arguments.data == "digits" or arguments.weights not in (None, "none")


def check_listed(arguments: argparse.Namespace) -> Sequence[str]:
    """Returns the names of the classes of DATA, () of masks; refuses what is missing or misfits."""
    if holds_scenes(arguments.data):
        scene_files(arguments.data, IMAGES_FOLDER, masks_folder_of(arguments.data))
        return ()
    path = check_images(arguments.data)
    if arguments.ignore_class is not None:
        raise ValueError(f"--ignore-class is for masks, and {arguments.data!r} has no masks/.")
    if not path.is_dir():
        return list_table(path, columns_of(arguments)).class_names
    given = [option for option in _COLUMNS.values() if getattr(arguments, option) is not None]
    if given:
        options = listed(f"--{option.replace('_', '-')}" for option in given)
        raise ValueError(f"{options} are for a .csv file, and {arguments.data!r} is a folder.")
    return list_folder(path).class_names


def _check_scenes(arguments: argparse.Namespace) -> None:
    if arguments.backbone is not None:
        raise ValueError(
            "A --backbone gives no label maps: pass a .keras file with --model, or neither for "
            "a small U-Net."
        )
    map_model_file(arguments.weights or "none")
    check_listed(arguments)


def _check_classes(arguments: argparse.Namespace) -> None:
    names = check_listed(arguments)
    check_classes(Path(arguments.data), names)
    class_names_of(arguments, names)
    if arguments.backbone is not None:
        check_backbone(arguments.backbone)
    weights_file(arguments.weights or "none", arguments.backbone)
