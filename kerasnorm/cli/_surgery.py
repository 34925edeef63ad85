"""`kerasnorm inspect` and `kerasnorm replace`."""

import argparse
from pathlib import Path
from typing import Any

from kerasnorm._choices import NORMALIZATIONS
from kerasnorm._validation import as_pattern
from kerasnorm.cli._command import add_command

UNSAFE = "let Lambda layers in the file run their code: only for files of people you trust"


def add_inspect(commands: Any) -> None:
    """Adds the command to a parser's commands."""
    summary = "print a model's layers, how they are normalized and what trains"
    parser = add_command(commands, "inspect", _check_inspect, summary)
    _add_model(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, one row per layer")


def add_replace(commands: Any) -> None:
    """Adds the command to a parser's commands."""
    summary = "give a model another normalization"
    parser = add_command(commands, "replace", _check_replace, summary)
    add = parser.add_argument
    _add_model(parser)
    add("--to", required=True, choices=list(NORMALIZATIONS), help="the new normalization")
    add("--out", required=True, metavar="NEW", help="file to write, ending in .keras")
    add("--overwrite", action="store_true", help="replace NEW if it exists")
    add("--where", metavar="REGEX", help="replace only layers whose path matches")
    add("--groups", type=int, help="with --to group (32, or the next smaller divisor)")
    add(
        "--weight-standardization",
        action="store_true",
        help="standardize the kernels of the convolutions before",
    )


def check_new_file(new: str, overwrite: bool, argument: str) -> None:
    """Refuses a file that could not be written; OSError or ValueError."""
    path = Path(new)
    if path.suffix != ".keras":
        raise ValueError(f"`{argument}` should end in .keras. Received: {new!r}.")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{new!r} exists. Choose another {argument}, or --overwrite.")
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(path.parent)!r} to write {path.name!r} to."
        )


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="file of a model: .keras or .h5")
    parser.add_argument("--unsafe", action="store_true", help=UNSAFE)


def _check_inspect(arguments: argparse.Namespace) -> None:
    if not Path(arguments.model).is_file():
        raise FileNotFoundError(f"There is no file {arguments.model!r}.")


def _check_replace(arguments: argparse.Namespace) -> None:
    check_new_file(arguments.out, arguments.overwrite, "--out")
    _check_inspect(arguments)
    if arguments.where is not None:
        as_pattern("where", arguments.where)
