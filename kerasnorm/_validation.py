"""Checks arguments, and holds error texts that several modules raise.

Each message says what was expected, what was received and how to fix it.
"""

import difflib
import importlib.util
import math
import numbers
import operator
import re
from collections.abc import Collection, Iterable
from pathlib import Path
from re import _parser  # pyright: ignore[reportAttributeAccessIssue]
from typing import Any

_MOST_REPEATS = 4  # of a hundred letters, a few million steps


def as_int(name: str, value: Any, low: int | None = None) -> int:
    """Returns `value` as a Python int from `low` up; NumPy integers pass, bools and floats not."""
    if not isinstance(value, bool):
        try:
            number = operator.index(value)
        except TypeError:
            pass
        else:
            if low is None or number >= low:
                return number
    bound = "" if low is None else f" from {low} up"
    raise ValueError(
        f"`{name}` should be an int{bound}. "
        f"Received: {name}={value!r} of type {type(value).__name__}."
    )


def as_number(
    name: str, value: Any, low: float, high: float = math.inf, *, interval: str = "[)"
) -> float:
    """Returns `value` as a float inside the interval from `low` to `high`.

    `interval` names the ends in the usual notation: "[]", "[)", "(]" or "()".
    """
    valid = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if valid:
        above = value >= low if interval[0] == "[" else value > low
        below = value <= high if interval[1] == "]" else value < high
        if above and below:
            return float(value)
    raise ValueError(
        f"`{name}` should be a number in {interval[0]}{low:g}, {high:g}{interval[1]}. "
        f"Received: {name}={value!r}."
    )


def check_choice(name: str, value: Any, choices: Collection[Any]) -> Any:
    """Returns `value` if it is one of `choices`."""
    if isinstance(value, (str, int, float, type(None))) and value in choices:
        return value
    raise ValueError(f"`{name}` should be one of {listed(choices)}. Received: {name}={value!r}.")


def as_pattern(name: str, value: str | re.Pattern[str], expected: str = "a regex") -> re.Pattern:
    """Returns `value` as a compiled regex; `expected` says what else it might have been."""
    try:
        return re.compile(value)
    except re.error as error:
        raise ValueError(
            f"`{name}` should be {expected}. Received: {name}={value!r}, which is not a regex: "
            f"{error}."
        ) from error


def check_quick(name: str, pattern: str) -> None:
    """Refuses a regex from a file that may search forever; an invalid regex is a name.

    Backtracking takes exponential time where a repeated part can be matched in several ways.

    >>> check_quick("until", r"block_\\d+/conv.*")
    >>> check_quick("until", "(a+)+$")
    Traceback (most recent call last):
    ValueError: `until` should be a regex without repeats inside of repeats, ...Received: ...+$'.
    """
    try:
        parsed = _parser.parse(pattern)
    except (re.error, OverflowError, RecursionError):
        return
    if _repeats(parsed, inside=False) > _MOST_REPEATS:
        raise ValueError(
            f"`{name}` should be a regex without repeats inside of repeats, and with at most "
            f"{_MOST_REPEATS} of them: others may take forever. Received: {name}={pattern!r}."
        )


def _repeats(parsed: Any, inside: bool) -> float:
    """Returns how many repeats there are one after another; infinity for one inside of another."""
    found = 0.0
    for operation, value in parsed:
        many, parts = False, value if isinstance(value, tuple | list) else ()
        if str(operation) in ("MAX_REPEAT", "MIN_REPEAT"):
            many, parts = value[1] > 1, (value[2],)
            if inside:
                return math.inf
        elif str(operation) == "BRANCH":
            parts = value[1]
            if inside:
                return math.inf
        elif str(operation) == "IN":
            continue
        found += many
        for part in parts:
            if isinstance(part, _parser.SubPattern):
                found += _repeats(part, inside or many)
    return found


def listed(items: Iterable[Any], most: int | None = None) -> str:
    """Returns the items as they read in a message: 'a', 'b', 'c'; beyond `most`, how many.

    >>> listed("abcde", most=2)
    "'a', 'b' and 3 more"
    """
    return joined(map(repr, items), most)


def joined(texts: Iterable[str], most: int | None = None, between: str = ", ") -> str:
    """Returns texts one after another, and how many more there are beyond the first `most`.

    >>> joined(["a is old", "b is wrong", "c is neither"], most=2, between="; ")
    'a is old; b is wrong and 1 more'
    """
    texts = list(texts)
    shown = between.join(texts[:most])
    left = len(texts) - len(texts[:most])
    return f"{shown} and {left} more" if left else shown


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Returns a question with the nearest of the known words, to follow a sentence, or "".

    >>> did_you_mean("frieze", ["freeze", "scratch"]), did_you_mean("x", ["freeze"])
    (" Did you mean 'freeze'?", '')
    """
    by_lower = {each.lower(): each for each in known}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return f" Did you mean {by_lower[near[0]]!r}?" if near else ""


def require(*packages: str, extra: str = "vision") -> None:
    """Refuses to begin without packages that are needed in the end.

    Raises:
        ImportError: That says which extra of kerasnorm to install, and how.
    """
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        source = Path(__file__).resolve().parents[1]
        checkout = (source / "pyproject.toml").is_file()
        what = f"-e '{source}[{extra}]'" if checkout else f"'kerasnorm[{extra}]'"
        raise ImportError(
            f"This needs {listed(missing)}, of the extra {extra!r}: pip install {what}.",
            name=missing[0],
        )
