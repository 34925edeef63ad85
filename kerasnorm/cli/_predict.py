"""`kerasnorm predict`."""

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

from kerasnorm._choices import read_recipe
from kerasnorm._existing import RECIPE_FILE, check_run_or_model
from kerasnorm._files import check_output
from kerasnorm._listing import IMAGES, images_in
from kerasnorm._validation import as_int, require
from kerasnorm.cli._command import add_command
from kerasnorm.cli._device import add_device, check_device

_EXAMPLES = """examples:
  kerasnorm predict run photos/new/
  kerasnorm predict run photos/new/ --out predictions.csv
  kerasnorm predict model.keras 1.jpg 2.jpg --json
  kerasnorm predict run scenes/new/ --masks found/
"""


def add_predict(commands: Any) -> None:
    """Adds the command to a parser's commands."""
    parser = add_command(
        commands,
        "predict",
        _check,
        "say of which class images, or their pixels, are, by the model of a run",
        _EXAMPLES,
    )
    add = parser.add_argument
    add_model(parser)
    add("images", metavar="IMAGES", nargs="+", help="image files, and folders of them")
    add("--out", metavar="FILE", help="write a .csv: path, class, probability of each class")
    add("--overwrite", action="store_true", help="let FILE exist")
    add("--masks", metavar="DIR", help="of label maps: folder for a .png of class numbers an image")
    add("--strict", action="store_true", help="refuse unreadable images instead of skipping them")
    add("--json", action="store_true", help="print JSON: all probabilities, or shares of pixels")


def add_model(parser: argparse.ArgumentParser) -> None:
    """Adds what `check_model` reads: a model, and the size of its images."""
    add = parser.add_argument
    add(
        "run_folder",
        metavar="RUN",
        help="the folder that `kerasnorm fit` wrote, or a .keras file, with the names of its "
        "classes in labels.txt beside it, one a line",
    )
    add("--batch-size", type=int, default=32)
    add("--image-size", type=int, metavar="PIXELS", help="of models that take any size")
    add_device(parser)


def check_model(arguments: argparse.Namespace) -> None:
    """Refuses a model that is not there, and numbers that are out of range."""
    as_int("--batch-size", arguments.batch_size, low=1)
    if arguments.image_size is not None:
        as_int("--image-size", arguments.image_size, low=8)
    check_device(arguments)
    path = check_run_or_model(arguments.run_folder)
    if path.is_dir():
        read_recipe((path / RECIPE_FILE).read_text(encoding="utf-8"))


def check_table(out: str, overwrite: bool) -> None:
    """Refuses a file that could not be written; OSError or ValueError."""
    path = Path(out).expanduser()
    if path.suffix.lower() != ".csv":
        raise ValueError(f"--out should end in .csv. Received: {out!r}.")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{out!r} exists. Choose another --out, or --overwrite.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {str(path.parent)!r} to write to.")


def find_images(images: list[str]) -> tuple[list[str], Counter[str]]:
    """Returns the image files that are named, and those in the folders that are.

    Hidden files are none; what else is in the folders is counted by its suffix.
    """
    found, skipped = [], Counter()
    for name in images:
        path = Path(name)
        if path.is_dir():
            found += sorted(images_in(path, skipped))
        elif path.is_file():
            found.append(name)
        else:
            raise FileNotFoundError(f"There is no file or folder {name!r}.")
    if not found:
        raise ValueError(f"There are no images ({', '.join(IMAGES)}) in {', '.join(images)}.")
    return found, skipped


def _check(arguments: argparse.Namespace) -> None:
    check_model(arguments)
    if arguments.out is not None:
        check_table(arguments.out, arguments.overwrite)
    find_images(arguments.images)
    if arguments.masks is not None:
        require("PIL")
        check_output(Path(arguments.masks).expanduser(), overwrite=False)
