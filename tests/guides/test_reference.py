"""What `make docs` makes of names, commands and docstrings, before Sphinx reads it."""

import re
from textwrap import dedent

import api
import docstrings
import pages
import pytest
from backends import once

pytestmark = once


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    pages.write(folder)
    return folder


@pytest.mark.parametrize("chapter", api.chapters(), ids=lambda module: module.__name__)
def test_a_page_has_all_names_of_its_chapter(chapter, folder):
    text = (folder / f"{chapter.__name__.rpartition('.')[2]}.rst").read_text(encoding="utf-8")
    shown = re.findall(r"^\.\. auto(?:class|function):: (\w+)$", text, re.MULTILINE)
    assert shown == [name for section in api.sections(chapter) for name in section.names]


def test_the_commands_have_their_help(folder):
    text = (folder / "command_line.rst").read_text(encoding="utf-8")
    assert re.findall(r"^kerasnorm (\w+)$", text, re.MULTILINE) == [
        *("advise", "fit", "tune", "predict", "evaluate", "export"),
        *("inspect", "replace", "migrate"),
    ]
    assert "usage: kerasnorm replace" in text


def test_pages_that_stay_the_same_are_not_written_again(folder):
    before = {page: page.stat().st_mtime_ns for page in folder.iterdir()}
    pages.write(folder)
    assert before == {page: page.stat().st_mtime_ns for page in folder.iterdir()}


def converted(docstring):
    lines = dedent(docstring).splitlines()
    docstrings.to_rst(None, None, None, None, None, lines)
    return "\n".join(lines)


def test_equations_stand_as_they_are():
    assert converted("It is\n\n    y = |x| * 2\n\nfor x.") == (
        "It is\n\n.. code-block:: text\n\n    y = |x| * 2\n\nfor x."
    )


def test_tables():
    assert converted("| a | b |\n|---|---|\n| `c` | d |") == (
        ".. list-table::\n   :header-rows: 1\n\n   * - a\n     - b\n   * - `c`\n     - d"
    )


def test_text_that_means_something_else_to_sphinx():
    assert converted("Of |x| `Trial`s, `a | b`.") == r"Of \|x\| `Trial`\ s, `a | b`."
    assert converted("Args:\n    size: N.") == "Args:\n    size: \\N."


def test_a_bullet_for_each_reference():
    assert converted("References:\n    A, 2001,\n    https://a (1)\n    B, 2002, https://b") == (
        "References:\n    - A, 2001,\n      https://a (1)\n    - B, 2002, https://b"
    )
