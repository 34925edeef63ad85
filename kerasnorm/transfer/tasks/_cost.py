"""Estimates the cost of transfers before they start."""

from typing import NamedTuple


class Cost(NamedTuple):
    """Cost of the transfers that remain, for `print`.

    Attributes:
        transfers: Number of transfers, of one encoder or several to one task.
        done: Number of them that are already recorded.
        steps: Training steps of the others, all heads together.
        parameters: (of the smallest, of the largest) head.
        seconds: About how long it takes: the encoders' pass over the examples and each kind of head
            were timed for a few steps on this machine.

    Example:

    >>> print(Cost(transfers=6, done=2, steps=1200, parameters=(3000, 21000), seconds=40.0))
    6 transfers, 2 done: 1,200 steps, heads of 3,000 to 21,000 parameters, about 40 s

    See also:
        `TaskAffinity`, which estimates it.
    """

    transfers: int
    done: int
    steps: int
    parameters: tuple[int, int]
    seconds: float

    def __str__(self) -> str:
        low, high = self.parameters
        size = f"{low:,}" if low == high else f"{low:,} to {high:,}"
        return (
            f"{self.transfers:,} transfers, {self.done:,} done: {self.steps:,} steps, heads of "
            f"{size} parameters, about {self.seconds:,.0f} s"
        )
