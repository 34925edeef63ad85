"""What commands have in common."""

import argparse
from collections.abc import Callable
from typing import Any


def add_command(
    commands: Any,
    name: str,
    run: Callable[[argparse.Namespace], None],
    summary: str,
    examples: str,
) -> argparse.ArgumentParser:
    """Adds a command with examples below its help to a parser's commands, and returns it."""
    parser = commands.add_parser(
        name,
        help=summary,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def add_out(parser: argparse.ArgumentParser) -> None:
    """Adds where a command that trains writes to, and how it prints the figures."""
    add = parser.add_argument
    add("--out", required=True, metavar="DIR", help="folder for model.keras, report.html, …")
    add("--overwrite", action="store_true", help="let DIR exist")
    add("--json", action="store_true", help="print JSON: the figures of each way and seed")
