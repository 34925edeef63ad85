"""What a call to `freeze` or `unfreeze` changed."""

from typing import NamedTuple


class Change(NamedTuple):
    """The paths of the layers that train less than before, and of those that train more.

    A normalization layer whose statistics stop while γ and β start is in both.

    Attributes:
        frozen: layers of which a variable, or the moving statistics, stopped changing in `fit`.
        unfrozen: layers of which a variable, or the moving statistics, started to.

    Example:

    >>> Change(frozen=["stem/conv"], unfrozen=[]).frozen
    ['stem/conv']
    """

    frozen: list[str]
    unfrozen: list[str]
