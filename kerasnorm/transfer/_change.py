"""Reports what a call to `freeze` or `unfreeze` changed."""

from typing import NamedTuple


class Change(NamedTuple):
    """Paths of the layers that train less than before, and of those that train more.

    A normalization layer whose statistics stop while γ and β start is in both.

    Attributes:
        frozen: Paths of layers with a variable, or moving statistics, that `fit` no longer updates.
        unfrozen: Paths of layers with a variable, or moving statistics, that `fit` now updates.

    Example:

    >>> Change(frozen=["stem/conv"], unfrozen=[]).frozen
    ['stem/conv']

    See also:
        `freeze` and `unfreeze`, which return it.
    """

    frozen: list[str]
    unfrozen: list[str]
