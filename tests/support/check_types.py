"""Checks the package's types and the README's code with pyright; `make lint` runs it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from guides.markdown import ROOT, code_alone

LOWEST = 0.95  # share of the exported names whose types are known
# Keras ships no types, and pyright takes an argument without one to be as its default is:
# `weights="imagenet"` of keras.applications may be None all the same.
KERAS_GAPS = re.compile('Argument of type "None" cannot be assigned to parameter "weights"')


def main() -> None:
    problems = [*unknown_names(), *errors_in_readme()]
    for problem in problems:
        print(problem)
    sys.exit(bool(problems))


def unknown_names() -> Iterator[str]:
    """Yields the names without a known type, if they are too many."""
    found = pyright("--verifytypes", "kerasnorm", "--ignoreexternal")["typeCompleteness"]
    print(f"{found['completenessScore']:.1%} of the exported names have a known type")
    if found["completenessScore"] < LOWEST:
        yield f"That should be {LOWEST:.0%} or more; annotate these, as far as they can be:"
        for symbol in found["symbols"]:
            for problem in symbol["diagnostics"]:
                yield f"{symbol['name']}: {problem['message']}"


def errors_in_readme() -> Iterator[str]:
    """Yields the errors in the code of the README, by its own lines."""
    code = ROOT / "build" / "types" / "README.py"
    code.parent.mkdir(parents=True, exist_ok=True)
    code.write_text(code_alone((ROOT / "README.md").read_text(encoding="utf-8")), encoding="utf-8")
    for problem in pyright(str(code))["generalDiagnostics"]:
        if problem["severity"] == "error" and not KERAS_GAPS.match(problem["message"]):
            line = problem["range"]["start"]["line"] + 1
            yield f"README.md:{line}: {problem['message']}"


def pyright(*arguments: str) -> Any:
    """Returns what pyright reports."""
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
    # an editable install is a hook, which pyright does not run
    settings = {"PYTHONPATH": str(ROOT), "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    done = subprocess.run(
        [*command, *arguments],
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
    )
    if done.returncode > 1:  # 1: there are errors
        sys.exit(done.stderr or done.stdout)
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
