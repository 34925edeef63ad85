"""Holds code that several commands share."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kerasnorm._files import check_output


def add_command(
    commands: Any,
    name: str,
    check: Callable[[argparse.Namespace], None],
    summary: str,
    examples: str | None = None,
) -> argparse.ArgumentParser:
    """Adds a command with examples below its help to a parser's commands, and returns it.

    Args:
        commands: What `add_subparsers` returns.
        name: Of the command; `kerasnorm.cli.running` runs it.
        check: Refuses arguments that are wrong, as far as that can be told without TensorFlow.
        summary: A line of help.
        examples: Shown below the help. Defaults to None.
    """
    parser = commands.add_parser(
        name,
        help=summary,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--config", metavar="FILE", help=".toml with options by name; those given here win"
    )
    parser.set_defaults(check=check)
    return parser


def add_out(parser: argparse.ArgumentParser) -> None:
    """Adds where a command that trains writes to, and how it prints the figures."""
    add = parser.add_argument
    add("--out", required=True, metavar="DIR", help="folder for model.keras, report.html, …")
    add("--overwrite", action="store_true", help="let DIR exist")
    add("--json", action="store_true", help="print JSON: the figures of each way and seed")


def check_out(arguments: argparse.Namespace) -> None:
    """Refuses a folder that exists, except in a job of several processes: only one writes it."""
    if "TF_CONFIG" not in os.environ:
        check_output(Path(arguments.out).expanduser(), arguments.overwrite)
