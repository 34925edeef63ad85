"""Reads the options of a command from a file."""

import argparse
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kerasnorm._validation import did_you_mean, listed
from kerasnorm.cli._parser import commands_of

_NOT_IN_A_FILE = ("help", "config", "command", "check")


def apply_config(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    """Makes the values in the file of --config those that a command has by default.

    What the command line says wins over them. Paths are relative to the current folder.

    Raises:
        OSError: If there is no such file.
        ValueError: If it is no TOML, or names or values are unknown to the command.
    """
    before = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    before.add_argument("--config")
    given, rest = before.parse_known_args(argv)
    commands = commands_of(parser)
    command = next((each for each in rest if each in commands), None)
    if given.config is None or command is None:
        return
    actions = {
        action.dest: action
        for action in commands[command]._actions
        if action.dest not in _NOT_IN_A_FILE
    }
    defaults = {}
    for key, value in _read(Path(given.config).expanduser()).items():
        action = actions.get(key.replace("-", "_"))
        if action is None:
            known = sorted(name.replace("_", "-") for name in actions)
            near = did_you_mean(key, known)
            raise ValueError(
                f"{given.config!r} says {key!r}, which `{command}` does not have.{near} It has "
                f"{listed(known)}."
            )
        defaults[action.dest] = _checked(given.config, key, value, action)
        action.required = False
        if not action.option_strings:
            action.nargs = "?" if action.nargs is None else "*"
    commands[command].set_defaults(**defaults)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FileNotFoundError(f"There is no file {str(path)!r}.") from error
    except ValueError as error:
        raise ValueError(f"{str(path)!r} should be TOML, and is not: {error}.") from error


def _checked(file: str, key: str, value: Any, action: argparse.Action) -> Any:
    """Returns a value as the command line would give it."""
    kind: Any = action.type or str
    if action.nargs == 0:
        kind = bool
    many = action.nargs in ("+", "*")
    values = value if many and isinstance(value, list) else [value]
    if kind is float:
        values = [float(each) if type(each) is int else each for each in values]
    if not values or not all(type(each) is kind for each in values):
        asked = {bool: "true or false", int: "a whole number", float: "a number"}
        expected = asked.get(kind, "a text")
        raise ValueError(
            f"{key!r} in {file!r} should be {expected}{', or a list' if many else ''}. "
            f"Received: {value!r}."
        )
    wrong = [each for each in values if action.choices and each not in action.choices]
    if wrong:
        choices = [str(each) for each in action.choices or ()]
        near = did_you_mean(str(wrong[0]), choices)
        raise ValueError(
            f"{key!r} in {file!r} should be one of {listed(choices)}.{near} Received: {wrong[0]!r}."
        )
    return values if many else values[0]
