"""Writes the pages of the API reference, as Sphinx reads them."""

import argparse
import inspect
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import api
import keras

import kerasnorm
from kerasnorm import cli


def write(folder: Path) -> list[str]:
    """Writes a page a chapter, one of the names at the top and one of the commands.

    Returns:
        The names of the pages in the order to show them.
    """
    folder.mkdir(exist_ok=True)
    pages = {"kerasnorm": _overview(), **{_last(c): _chapter(c) for c in api.chapters()}}
    pages["command_line"] = _commands()
    for name, text in pages.items():
        page = folder / f"{name}.rst"
        if not page.exists() or page.read_text(encoding="utf-8") != text:  # else it is built anew
            page.write_text(text, encoding="utf-8")
    return list(pages)


def _overview() -> str:
    return "\n\n".join(
        [
            _heading("import kerasnorm as kn", "="),
            f".. automodule:: {kerasnorm.__name__}",
            "Examples want ``import keras``, ``import numpy as np`` and names of their chapter, "
            "and run among the tests. These names are in ``kn`` itself too:",
            ".. currentmodule:: None",
            _table(f"~{path}" for path in api.shortcuts().values()),
        ]
    )


def _chapter(chapter) -> str:
    first, *others = api.sections(chapter)
    parts = [_heading(_last(chapter), "="), *_section(first)]
    for section in others:
        parts += [_heading(section.module.__name__.partition(".")[2], "-"), *_section(section)]
    return "\n\n".join(parts) + "\n"


def _section(section: api.Section) -> list[str]:
    module, names = section
    details = [_details(name, getattr(module, name)) for name in names]
    return [f".. automodule:: {module.__name__}", _table(names), *details]


def _table(names: Iterable[str]) -> str:
    return "\n".join([".. autosummary::", "   :nosignatures:", "", *(f"   {n}" for n in names)])


def _details(name: str, value: Any) -> str:
    if not inspect.isclass(value):
        return f".. autofunction:: {name}"
    if issubclass(value, keras.losses.Loss):  # the other methods are how losses are made
        return f".. autoclass:: {name}"
    others = [c.__name__ for c in value.__mro__ if not c.__module__.startswith("kerasnorm.")]
    return f".. autoclass:: {name}\n   :members:\n   :inherited-members: {', '.join(others)}"


def _commands() -> str:
    parser = cli.make_parser()
    (commands,) = (a.choices for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    parts = [_heading("Command line", "="), _literal(parser.format_help())]
    for name, command in commands.items():
        parts += [_heading(f"kerasnorm {name}", "-"), _literal(command.format_help())]
    return "\n\n".join(parts) + "\n"


def _literal(text: str) -> str:
    return "\n".join([".. code-block:: text", "", *(f"   {line}" for line in text.splitlines())])


def _heading(text: str, line: str) -> str:
    return f"{text}\n{line * len(text)}"


def _last(module) -> str:
    return module.__name__.rpartition(".")[2]
