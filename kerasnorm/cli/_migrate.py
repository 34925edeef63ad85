"""`kerasnorm migrate`."""

import argparse
from pathlib import Path
from typing import Any

from kerasnorm.cli._command import add_command
from kerasnorm.cli._surgery import UNSAFE, check_new_file


def add_migrate(commands: Any) -> None:
    """Adds the command to a parser's commands."""
    summary = "make a Keras 3 file of a model of TensorFlow Addons or Keras 2"
    parser = add_command(commands, "migrate", _check, summary)
    add = parser.add_argument
    add("old", metavar="OLD", help=".h5, .keras or .json file of Keras 2, or a folder")
    add("new", metavar="NEW", help="file to write, ending in .keras")
    add("--weights", metavar="FILE", help="weights of the model, if OLD has only its layers")
    add("--overwrite", action="store_true", help="replace NEW if it exists")
    add("--unsafe", action="store_true", help=UNSAFE)


def _check(arguments: argparse.Namespace) -> None:
    check_new_file(arguments.new, arguments.overwrite, "NEW")
    if not Path(arguments.old).expanduser().exists():
        raise FileNotFoundError(f"There is no file {arguments.old!r}.")
