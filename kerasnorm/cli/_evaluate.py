"""`kerasnorm evaluate`."""

import argparse
from typing import Any

from kerasnorm._existing import holds_scenes
from kerasnorm._validation import require
from kerasnorm.cli._command import add_command
from kerasnorm.cli._data import add_columns, check_listed
from kerasnorm.cli._predict import add_model, check_model, check_table

_EXAMPLES = """examples:
  kerasnorm evaluate run photos/of/another/camera/
  kerasnorm evaluate run photos.csv --part test --out predictions.csv
"""
PARTS = ("train", "validation", "test")


def add_evaluate(commands: Any) -> None:
    """Adds the command to a parser's commands."""
    parser = add_command(
        commands, "evaluate", _check, "judge the model of a run by other labelled images", _EXAMPLES
    )
    add_model(parser)
    add = parser.add_argument
    add("data", metavar="DATA", help="labelled images, as `kerasnorm fit` takes them")
    add("--part", choices=PARTS, help="of DATA, where it has parts (test, if there is one)")
    add_columns(parser)
    add("--ignore-class", type=int, metavar="N", help="of masks: the number of no class, as 255")
    add("--out", metavar="FILE", help="write a .csv: what the model says of each image")
    add("--overwrite", action="store_true", help="let FILE exist")
    add("--strict", action="store_true", help="refuse unreadable images instead of skipping them")
    add("--json", action="store_true", help="print JSON: the figures")


def _check(arguments: argparse.Namespace) -> None:
    require("PIL")
    check_model(arguments)
    if arguments.out is not None:
        check_table(arguments.out, arguments.overwrite)
    check_listed(arguments)
    if arguments.part is not None and holds_scenes(arguments.data):
        raise ValueError("--part is for images with a class each.")
