"""Prints the changelog's section of a tag, and refuses a tag that is not the version.

python .github/release_notes.py v0.1.0
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main(tag: str) -> str:
    """Returns the section of the changelog for a tag such as v0.1.0."""
    source = (ROOT / "kerasnorm" / "__init__.py").read_text(encoding="utf-8")
    (version,) = re.findall(r'^__version__ = "(.+)"$', source, re.MULTILINE)
    if tag != f"v{version}":
        sys.exit(f"The tag should be v{version}, as in kerasnorm/__init__.py. Received: {tag}.")
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    heading = rf"^## {re.escape(version)} \((.+)\)\n(.*?)(?=^## |\Z)"
    found = re.search(heading, changes, re.MULTILINE | re.DOTALL)
    if found is None or found[1] == "unreleased":
        sys.exit(f"CHANGELOG.md should have a section '## {version} (date)'.")
    return found[2].strip()


if __name__ == "__main__":
    print(main(sys.argv[1]))
