"""The texts that GitHub shows, and what `make docs` makes a site of."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
_AT_THE_TOP = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")
PAGES = [*(ROOT / name for name in _AT_THE_TOP), *sorted((ROOT / "docs").glob("*.md"))]
TUTORIALS = sorted((ROOT / "tutorials").glob("[0-9]*.py"))
_FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def text_of(path):
    """Returns what is Markdown in a file: of a tutorial the cells of text."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return text
    cells = re.split(r"^# %%", text, flags=re.MULTILINE)
    texts = [cell for cell in cells if cell.startswith(" [markdown]")]
    return re.sub(r"^# ?", "", "\n".join(texts), flags=re.MULTILINE)


def without_code(text):
    """Returns a text without its blocks of code."""
    return _FENCED.sub("", text)


def code_in(text, language="python"):
    """Returns the blocks of code of a language."""
    return [code for _, its_language, code in _FENCED.findall(text) if its_language == language]


def code_alone(text, language="python"):
    """Returns the code of a language on the lines that it has in the text, all others empty."""
    lines = [""] * (text.count("\n") + 1)
    for block in _FENCED.finditer(text):
        if block[2] == language:
            code = block[3].splitlines()
            first = text.count("\n", 0, block.start(3))
            lines[first : first + len(code)] = code
    return "\n".join(lines)
