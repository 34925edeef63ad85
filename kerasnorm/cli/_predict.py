"""`kerasnorm predict`."""

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

from kerasnorm._choices import read_recipe
from kerasnorm._existing import RECIPE_FILE, check_run_folder
from kerasnorm._files import check_output
from kerasnorm._listing import IMAGES, images_in
from kerasnorm._validation import as_int, require
from kerasnorm.cli._command import add_command

_EXAMPLES = """examples:
  kerasnorm predict run photos/new/
  kerasnorm predict run 1.jpg 2.jpg --json
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
    add("run_folder", metavar="RUN", help="the folder that `kerasnorm fit` wrote")
    add("images", metavar="IMAGES", nargs="+", help="image files, and folders of them")
    add("--batch-size", type=int, default=32)
    add("--image-size", type=int, metavar="PIXELS", help="for models that take any size")
    add("--masks", metavar="DIR", help="folder for label maps, one .png per image")
    add("--strict", action="store_true", help="refuse unreadable images instead of skipping them")
    add("--json", action="store_true", help="print JSON: all probabilities, or shares of pixels")


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
    as_int("--batch-size", arguments.batch_size, low=1)
    if arguments.image_size is not None:
        as_int("--image-size", arguments.image_size, low=8)
    folder = check_run_folder(arguments.run_folder)
    read_recipe((folder / RECIPE_FILE).read_text(encoding="utf-8"))
    find_images(arguments.images)
    if arguments.masks is not None:
        require("PIL")
        check_output(Path(arguments.masks).expanduser(), overwrite=False)
