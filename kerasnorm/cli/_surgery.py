"""`kerasnorm inspect` and `kerasnorm replace`."""

import argparse
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from kerasnorm import normalization
from kerasnorm._files import whole
from kerasnorm.models import load_model
from kerasnorm.surgery import inspect, replace_normalization

UNSAFE = "let Lambda layers in the file run their code: only for files of people you trust"


def add_inspect(commands: Any) -> None:
    """Adds the command to a parser's commands."""
    parser = commands.add_parser(
        "inspect", help="print a model's layers, how they are normalized and what trains"
    )
    parser.set_defaults(run=_inspect)
    _add_model(parser)
    parser.add_argument("--json", action="store_true", help="print JSON: a row for each layer")


def add_replace(commands: Any) -> None:
    """Adds the command to a parser's commands."""
    parser = commands.add_parser("replace", help="give a model another normalization")
    parser.set_defaults(run=_replace)
    add = parser.add_argument
    _add_model(parser)
    add("--to", required=True, choices=normalization.names(), help="the new normalization")
    add("--out", required=True, metavar="NEW", help="file to write, ending in .keras")
    add("--overwrite", action="store_true", help="let NEW exist")
    add("--where", metavar="REGEX", help="replace only layers in whose path it is found")
    add("--groups", type=int, help="of --to group (32, or the next smaller number that divides)")
    add(
        "--weight-standardization",
        action="store_true",
        help="let the convolutions in front compute with standardized kernels",
    )


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="file of a model: .keras or .h5")
    parser.add_argument("--unsafe", action="store_true", help=UNSAFE)


def _inspect(arguments: argparse.Namespace) -> None:
    layers = inspect(_load(arguments))
    print(json.dumps(layers.to_dict(), indent=2, default=str) if arguments.json else layers)


def _replace(arguments: argparse.Namespace) -> None:
    out = check_out(arguments.out, arguments.overwrite, "--out")
    settings = {} if arguments.groups is None else {"groups": arguments.groups}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*cannot be replaced")  # the report says it too
        model, report = replace_normalization(
            _load(arguments),
            arguments.to,
            arguments.where,
            weight_standardization=arguments.weight_standardization,
            **settings,
        )
    save_whole(model, out)
    print(report)
    print(f"The new model is in {arguments.out}. Train it: its features are those of the old one.")


def _load(arguments: argparse.Namespace) -> keras.Model:
    path = Path(arguments.model)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {arguments.model!r}.")
    try:
        return load_model(path, unsafe=arguments.unsafe)
    except ValueError as error:
        if arguments.unsafe or "Lambda" not in str(error):
            raise
        raise ValueError(
            f"{arguments.model!r} has a Lambda layer, whose code would run and could do anything. "
            "Add --unsafe if you trust the file."
        ) from error


def check_out(out: str, overwrite: bool, argument: str) -> Path:
    """Returns the path of a file that can be written; OSError or ValueError if it cannot."""
    path = Path(out)
    if path.suffix != ".keras":
        raise ValueError(f"`{argument}` should end in .keras. Received: {out!r}.")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{out!r} exists. Choose another {argument}, or --overwrite.")
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(path.parent)!r} to write {path.name!r} to."
        )
    return path


def save_whole(
    model: keras.Model, path: Path, check: Callable[[Path], None] = lambda part: None
) -> None:
    """Writes the file whole or not at all: not if `check`, which may read it, raises."""
    with whole(path) as part:
        model.save(part)
        check(part)
