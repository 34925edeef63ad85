"""`kerasnorm tune`."""

import argparse
from typing import Any

from kerasnorm._choices import DISTRIBUTED, TUNERS
from kerasnorm._existing import holds_scenes
from kerasnorm._validation import as_int, require
from kerasnorm.cli._command import add_command, add_out, check_out
from kerasnorm.cli._data import add_data, check_data
from kerasnorm.cli._fit import seeds

_EXAMPLES = """examples:
  kerasnorm tune digits --out tuned --trials 20
  kerasnorm tune photos/ --out tuned --weights model.keras --study study --trials 50
"""
_SPACES = ("default", "everything", "rates", "losses", "imbalances", "normalizations")


def add_tune(commands: Any) -> None:
    """Adds the command to a parser's commands."""
    parser = add_command(
        commands,
        "tune",
        _check,
        "search for a better recipe than the advised one, and compare the two",
        _EXAMPLES,
    )
    add_data(parser)
    add_out(parser)
    search_group = parser.add_argument_group("search")
    add = search_group.add_argument
    add("--trials", type=int, default=20, help="number of recipes to try (20)")
    add("--tuner", choices=list(TUNERS), default="random")
    add("--space", choices=_SPACES, default="default", help="search space")
    add("--study", metavar="DIR", help="save the trials here, and resume from them")
    add(
        "--distributed",
        choices=DISTRIBUTED,
        help="share the trials with other processes that run this command with the same --study, "
        "each with its own --out; see the documentation of `kerasnorm.tuning.search`",
    )
    add("--seeds", type=int, default=1, help="seeds of the final comparison (1)")


def _check(arguments: argparse.Namespace) -> None:
    require("matplotlib")
    require("keras_tuner", "tensorboard", extra="tuning")
    if arguments.distributed == "optuna":
        require("optuna", extra="tuning")
    as_int("--trials", arguments.trials, low=1)
    seeds(arguments)
    if arguments.distributed and arguments.study is None:
        raise ValueError("--distributed needs --study, a folder that all the processes share.")
    check_out(arguments)
    check_data(arguments)
    if holds_scenes(arguments.data):
        raise ValueError("`tune` is for classes of images; `fit` and `advise` take masks.")
