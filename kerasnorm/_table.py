"""Aligns rows of text."""

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


def plot_name(name: object, most: int = 24) -> str:
    """Returns a name as matplotlib writes it as it is: "$" begins no formula, and it is not long.

    >>> plot_name("cost in $"), plot_name("a" * 60)
    ('cost in \\\\$', 'aaaaaaaaaaaaaaaaaaaaaaa…')
    """
    text = str(name)
    short = text if len(text) <= most else f"{text[: most - 1]}…"
    return short.replace("$", r"\$")
