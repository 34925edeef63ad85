"""Writes HTML: templates from files, and tables."""

import functools
import importlib.resources
import string
from collections.abc import Iterable, Sequence
from html import escape


@functools.cache
def _template(name: str) -> string.Template:
    file = importlib.resources.files(__package__).joinpath("templates", name)
    return string.Template(file.read_text(encoding="utf-8"))


def filled(name: str, /, **parts: str) -> str:
    """Returns a template with HTML put in."""
    return _template(name).substitute(parts)


def section(title: str, *parts: str) -> str:
    """Returns a part of the page below a heading."""
    return filled("section.html", title=escape(title), body="\n".join(parts))


def folded(title: str, *parts: str) -> str:
    """Returns what is shown when it is asked for."""
    return filled("folded.html", title=escape(title), body="\n".join(parts))


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1, strong: bool = False
) -> str:
    """Returns a table of text.

    Args:
        head: Above the columns.
        rows: Of cells.
        words: How many columns are words, flush left: 1 or 2. Defaults to 1.
        strong: Whether it stands out. Defaults to False.
    """
    kinds = [*(["words"] if words > 1 else []), *(["strong"] if strong else [])]
    kind = f' class="{" ".join(kinds)}"' if kinds else ""
    titles = "".join(f'<th scope="col">{escape(each)}</th>' for each in head)
    return (
        f'<div class="wide"><table{kind}><thead><tr>{titles}</tr></thead>'
        f"<tbody>{''.join(map(_row, rows))}</tbody></table></div>"
    )


def _row(cells: Sequence[str]) -> str:
    shown = "".join(f"<td>{escape(each)}</td>" for each in cells)
    return f"<tr>{shown}</tr>\n"


def definitions(pairs: Iterable[tuple[str, str]]) -> str:
    """Returns words and what is said of each."""
    shown = [f"<dt>{escape(word)}</dt><dd>{escape(said)}</dd>" for word, said in pairs]
    return "\n".join(["<dl>", *shown, "</dl>"])


def figure(caption: str, picture: str, alt: str) -> str:
    """Returns a picture with a caption, and a text for who cannot see it."""
    return filled("figure.html", caption=escape(caption), picture=picture, alt=escape(alt))


def paragraph(text: str) -> str:
    """Returns a paragraph of text."""
    return f"<p>{escape(text)}</p>"
