"""Parses a command line, and answers what is misspelt with the nearest name."""

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from kerasnorm._validation import did_you_mean, listed


class Parser(argparse.ArgumentParser):
    """Reports errors as all others are reported, in one line: it raises ValueError."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)

    def parse_args(
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> argparse.Namespace:
        """Returns the arguments; ValueError for unknown ones, with the nearest option."""
        arguments, unknown = self.parse_known_args(args, namespace)
        if unknown:
            known = options_of(command_of(self, arguments.command))
            options = (each.partition("=")[0] for each in unknown if each.startswith("-"))
            near = next((said for each in options if (said := did_you_mean(each, known))), "")
            raise ValueError(f"`{arguments.command}` has no {listed(unknown)}.{near}")
        return arguments

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        choices = [str(each) for each in action.choices]
        raise argparse.ArgumentError(
            action,
            f"{value!r} is none of its choices.{did_you_mean(str(value), choices)} There are "
            f"{listed(choices)}.",
        )


def commands_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Returns the parsers of the commands by name."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def command_of(parser: argparse.ArgumentParser, name: str) -> argparse.ArgumentParser:
    """Returns the parser of a command."""
    return commands_of(parser)[name]


def options_of(parser: argparse.ArgumentParser) -> list[str]:
    """Returns the options of a command."""
    return [name for action in parser._actions for name in action.option_strings]
