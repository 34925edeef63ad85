"""No link leads nowhere, in the texts as GitHub shows them and as they are in the site."""

import re
from pathlib import Path

import pytest
from backends import once
from guides.markdown import PAGES, ROOT, TUTORIALS, name_of, text_of, without_code

pytestmark = once

LINK = re.compile(r"\]\(([^)\s]+)\)")
MENTION = re.compile(r"\b(?:benchmarks|docs|tests|tutorials)/[\w/]+\.(?:ipynb|md|png|py)\b")
SOURCES = sorted((ROOT / "kerasnorm").rglob("*.py"))


def anchors(path):
    """Returns the anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", without_code(text_of(path)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def conf_text():
    """Returns the settings of Sphinx, which hold the table of contents."""
    return (ROOT / "docs" / "conf.py").read_text(encoding="utf-8")


def is_broken(link, page):
    file, _, anchor = link.partition("#")
    target = page.parent / file if file else page
    return not target.exists() or (bool(anchor) and anchor not in anchors(target))


@pytest.mark.parametrize("page", [*PAGES, *TUTORIALS], ids=name_of)
def test_links(page):
    links = LINK.findall(without_code(text_of(page)))
    inside = [link for link in links if not link.startswith(("https://", "http://", "mailto:"))]
    assert not [link for link in inside if is_broken(link, page)]


@pytest.mark.parametrize("page", [*PAGES, *TUTORIALS], ids=name_of)
def test_files_that_are_named(page):
    named = set(MENTION.findall(page.read_text(encoding="utf-8")))
    assert not [file for file in sorted(named) if not (ROOT / file).exists()]


def test_files_that_messages_name():
    named = {file for path in SOURCES for file in MENTION.findall(path.read_text(encoding="utf-8"))}
    assert named and not [file for file in sorted(named) if not (ROOT / file).exists()]


def test_the_sidebar_has_all_pages():
    listed = set(re.findall(r"^(?:docs/\w+|[A-Z]+)$", conf_text(), re.MULTILINE))
    assert {name_of(page).removesuffix(".md") for page in PAGES} - {"README"} == listed


@pytest.mark.parametrize("link", ["absent.md", "recipe.md#absent", "#absent", "../absent.py"])
def test_a_broken_link_is_found(link):
    assert is_broken(link, Path(ROOT, "docs", "recipe.md"))
