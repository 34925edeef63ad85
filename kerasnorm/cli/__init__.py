"""Implements the `kerasnorm` command on the public functions."""

import argparse
import importlib.util
import os
import sys
from collections.abc import Sequence

import kerasnorm
from kerasnorm.cli._advise import add_advise
from kerasnorm.cli._config import apply_config
from kerasnorm.cli._device import choose_device
from kerasnorm.cli._evaluate import add_evaluate
from kerasnorm.cli._export import add_export
from kerasnorm.cli._fit import EXAMPLES, add_fit
from kerasnorm.cli._migrate import add_migrate
from kerasnorm.cli._parser import Parser
from kerasnorm.cli._predict import add_predict
from kerasnorm.cli._quiet import quiet
from kerasnorm.cli._surgery import add_inspect, add_replace
from kerasnorm.cli._tune import add_tune

_COMMANDS = (
    *(add_advise, add_fit, add_tune, add_predict, add_evaluate, add_export),
    *(add_inspect, add_replace, add_migrate),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code: 0, 2 for what the user can mend.

    130 and 141 say that it was interrupted, or that nobody reads what it prints.
    """
    try:
        argv = list(sys.argv[1:] if argv is None else argv)
        parser = make_parser()
        apply_config(parser, argv)
        arguments = parser.parse_args(argv)
        arguments.check(arguments)
        choose_device(arguments)
        arguments.argv = argv
        _run(arguments)
    except BrokenPipeError:  # who read the output has enough of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (ValueError, OSError, ImportError) as error:
        print("kerasnorm: error:", *str(error).split(), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("kerasnorm: interrupted", file=sys.stderr)
        return 130
    return 0


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of all commands, whose help is the page in the reference."""
    parser = Parser(
        prog="kerasnorm",
        description=kerasnorm.__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"kerasnorm {kerasnorm.__version__}")
    if importlib.util.find_spec("shtab"):
        import shtab

        shtab.add_argument_to(parser, "--print-completion", help="print completion for a shell")
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", required=True)
    for add in _COMMANDS:
        add(commands)
    return parser


def _run(arguments: argparse.Namespace) -> None:
    """Runs a command whose arguments are in order; only now are Keras and TensorFlow imported."""
    with quiet():
        from kerasnorm.cli.running import run
    run(arguments)
