"""Makes reStructuredText of the docstrings, which are written to be read as they are."""

import re
from collections.abc import Iterator

# `name`s needs an escape, and so do a bar that is none of code and a letter that seems to number
_UNLIKE_RST = re.compile(r"(?P<code>`[^`]+`)(?P<more>(?=\w))?|\||(?<=: )[A-Z](?=\.$)", re.MULTILINE)
_REFERENCES = ("Reference:", "References:")


def to_rst(app, what, name, value, options, lines: list[str]) -> None:
    """Changes a docstring's lines in place, before Napoleon reads its sections."""
    lines[:] = [line for block in _blocks(lines) for line in _converted(block)]


def _blocks(lines: list[str]) -> Iterator[list[str]]:
    """Yields the lines up to each empty one, which is a block of its own."""
    block: list[str] = []
    for line in lines:
        if line.strip():
            block.append(line)
            continue
        if block:
            yield block
        yield [line]
        block = []
    if block:
        yield block


def _converted(block: list[str]) -> list[str]:
    first = block[0]
    if first.lstrip().startswith("|"):
        return _table(block)
    if first.startswith("    "):  # an equation, which stands apart from the text
        return [".. code-block:: text", "", *block]
    if first.lstrip().startswith(">>>"):
        return block
    if first.strip() == "Example:":
        return [".. rubric:: Example"]
    if first.strip() in _REFERENCES:
        return [first, *_one_by_one(block[1:])]
    return _UNLIKE_RST.sub(_escaped, "\n".join(block)).split("\n")


def _escaped(match: re.Match[str]) -> str:
    if match["code"] is None:
        return rf"\{match[0]}"
    return match["code"] if match["more"] is None else match["code"] + "\\ "


def _table(block: list[str]) -> list[str]:
    """Returns a Markdown table as a list-table."""
    indent = " " * (len(block[0]) - len(block[0].lstrip()))
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in block]
    cells = [f"{'  ' if i else '* '}- {cell}" for row in rows for i, cell in enumerate(row)]
    del cells[len(rows[0]) : 2 * len(rows[0])]  # the line below the headings
    head = [f"{indent}.. list-table::", f"{indent}   :header-rows: 1", ""]
    return [*head, *(f"{indent}   {cell}" for cell in cells)]


def _one_by_one(lines: list[str]) -> Iterator[str]:
    """Yields a bullet for each reference: it ends with the line of its address."""
    begins = True
    for line in lines:
        yield f"    {'-' if begins else ' '} {line.strip()}"
        begins = "https://" in line
