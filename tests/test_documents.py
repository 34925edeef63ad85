"""What documents and tutorials point to is there: files, headings, programs."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[1]
DOCUMENTS = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "tutorials").glob("*.py")),
]
LINK = re.compile(r"\]\(([^)\s]*)\)")
PROGRAM = re.compile(r"python\s(?:# )?((?:benchmarks|tutorials)/\w+\.py)")


def anchors(path):
    """Returns the anchors that GitHub gives to a document's headings."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links(path):
    for link in LINK.findall(path.read_text(encoding="utf-8")):
        file, _, anchor = link.partition("#")
        if "://" in file:
            continue
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_programs(path):
    for program in PROGRAM.findall(path.read_text(encoding="utf-8")):
        assert (ROOT / program).is_file(), program
