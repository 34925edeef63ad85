"""Rows of text, aligned."""

from collections.abc import Sequence


def yes_no(value: bool | None) -> str:
    """Returns "yes", "no", or "-" for None."""
    return "-" if value is None else "yes" if value else "no"


def aligned(lines: Sequence[Sequence[str]], left: int) -> str:
    """Returns lines of cells as text: the first `left` columns flush left, the others right.

    >>> print(aligned([("layer", "size"), ("a", "10")], left=1))
    layer  size
    a        10
    """
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if index < left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
