"""Defines settings that are numbers in a range."""

import dataclasses
import math
from typing import Any

from kerasnorm._validation import as_int, as_number, check_choice

_SCALES = ("linear", "log", "integers")


@dataclasses.dataclass(frozen=True)
class Range:
    """The numbers from `low` to `high`; `linear`, `log` and `integers` make one.

    Args:
        low: The smallest.
        high: The largest.
        scale: "linear", "log" or "integers": how they are drawn. Defaults to "linear".

    Raises:
        ValueError: If `low` is not below `high`, or is not above 0 where the scale is "log".
    """

    low: float
    high: float
    scale: str = "linear"

    def __post_init__(self) -> None:
        check_choice("scale", self.scale, _SCALES)
        if self.scale == "integers":
            as_int("high", self.high, low=as_int("low", self.low) + 1)
            return
        as_number("low", self.low, 0.0 if self.scale == "log" else -math.inf, interval="()")
        as_number("high", self.high, self.low, interval="()")

    @property
    def examples(self) -> list[float]:
        """The ends: if a recipe takes these, it takes what lies between."""
        return [self.low, self.high]

    def declare(self, hp: Any, name: str) -> None:
        """Tells keras-tuner's `HyperParameters` of it."""
        if self.scale == "integers":
            hp.Int(name, self.low, self.high)
        else:
            hp.Float(name, self.low, self.high, sampling=self.scale)

    def suggest(self, trial: Any, name: str) -> float:
        """Returns what Optuna draws of it for a trial."""
        if self.scale == "integers":
            return trial.suggest_int(name, self.low, self.high)
        return trial.suggest_float(name, self.low, self.high, log=self.scale == "log")

    def value(self, drawn: float) -> float:
        """Returns what was drawn, as a recipe takes it."""
        return drawn

    def to_json(self) -> list[Any]:
        """Returns what tells it from other values in a file."""
        return [self.scale, self.low, self.high]


def linear(low: float, high: float) -> Range:
    """Returns a range of numbers from `low` to `high`, drawn uniformly.

    Args:
        low, high: The smallest and the largest.

    Raises:
        ValueError: If `low` is not below `high`.

    Example:

    >>> linear(0.5, 1.0)
    Range(low=0.5, high=1.0, scale='linear')

    See also:
        `log`, for values over several orders of magnitude; `integers`.
    """
    return Range(low, high, "linear")


def log(low: float, high: float) -> Range:
    """Returns a range of numbers from `low` to `high`, drawn uniformly on a logarithmic scale.

    Args:
        low, high: The smallest and the largest, above 0.

    Raises:
        ValueError: If `low` is not below `high`, or not above 0.

    Example:

    >>> log(1e-4, 1e-2)
    Range(low=0.0001, high=0.01, scale='log')

    See also:
        `linear`; `integers`.
    """
    return Range(low, high, "log")


def integers(low: int, high: int) -> Range:
    """Returns a range of ints from `low` to `high`, both included, drawn uniformly.

    Args:
        low, high: The smallest and the largest.

    Raises:
        ValueError: If `low` is not below `high`, or one is no int.

    Example:

    >>> integers(1, 8)
    Range(low=1, high=8, scale='integers')

    See also:
        `linear` and `log`, for floats; `RecipeHyperModel`.
    """
    return Range(low, high, "integers")
