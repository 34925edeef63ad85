"""Each notebook has the text and the code of its tutorial."""

import json
import re

import pytest
from backends import once
from guides.markdown import TUTORIALS, name_of

pytestmark = once


def cells_of_the_tutorial(path):
    _, _, text = path.read_text(encoding="utf-8").split("# ---\n", 2)
    for cell in re.split(r"^# %%", text, flags=re.MULTILINE)[1:]:
        kind, _, source = cell.partition("\n")
        source = source.strip("\n")
        yield re.sub(r"^# ?", "", source, flags=re.MULTILINE) if "markdown" in kind else source


@pytest.mark.parametrize("path", TUTORIALS, ids=name_of)
def test_has_the_cells_of_its_tutorial(path):
    notebook = json.loads(path.with_suffix(".ipynb").read_text(encoding="utf-8"))
    sources = ["".join(cell["source"]).strip("\n") for cell in notebook["cells"]]
    assert sources == [*cells_of_the_tutorial(path)]


@pytest.mark.parametrize("path", TUTORIALS, ids=name_of)
def test_the_header_is_short_and_says_how_to_install(path):
    title, *lines = filter(None, next(cells_of_the_tutorial(path)).splitlines())
    assert title.startswith("# ") and len(lines) <= 5
    assert re.search(r'pip install "kerasnorm\[\w+\]', lines[-1])
