"""Runs pytest in forks of a process that has imported what takes seconds to import."""

import multiprocessing
import os
import re
import resource
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest

NO_TESTS = 5  # how pytest ends where a whole file is skipped
LIMIT = 1800  # seconds for one run: a test may wait for ever
PYTEST = ["-x", "-q", "-p", "no:cacheprovider", "--tb=no", "-rfE"]
# hypothesis is imported before pytest could rewrite its plugin, and warnings are errors
PYTEST += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["keras", "sklearn", "scipy", "pytest", "hypothesis"])


class Outcome(NamedTuple):
    """How a run of tests ended, the lines on what failed, and its seconds of processor."""

    code: int | None
    failures: list[str]
    seconds: float

    @property
    def first_failure(self) -> str | None:
        """The name of a test, or what else went wrong; None if all passed."""
        if self.failures:
            return self.failures[0]
        if self.code in (0, NO_TESTS):
            return None
        return "a test that does not end" if self.code is None else f"code {self.code}"


def run_tests(tests: list[str], tree: Path, *more: str) -> Outcome:
    """Runs tests of a tree, up to the first failure unless more arguments say otherwise."""
    with tempfile.NamedTemporaryFile("r", suffix=".txt") as file:
        process = FORKS.Process(target=_run, args=([*PYTEST, *more, *tests], tree, file.name))
        process.start()
        process.join(LIMIT)
        code = process.exitcode
        process.kill()
        said, _, seconds = file.read().rpartition("\n")
    failures = re.findall(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", said, re.MULTILINE)
    ended = code is not None and code >= 0
    return Outcome(code, failures, float(seconds) if ended else LIMIT)


def _run(arguments: list[str], tree: Path, said: str) -> None:
    with open(said, "w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        os.chdir(tree)
        os.environ["PYTHONPATH"] = str(tree)
        # modules of this folder have names that folders of test helpers have too
        beside = str(Path(__file__).resolve().parent)
        sys.path[:] = [str(tree), *(each for each in sys.path if each != beside)]
        sys.dont_write_bytecode = False  # the same modules are imported again and again
        code = int(pytest.main(arguments))
        sys.stdout.flush()
        file.write(f"\n{_cpu(resource.RUSAGE_SELF) + _cpu(resource.RUSAGE_CHILDREN)}")
    os._exit(code)


def _cpu(who: int) -> float:
    spent = resource.getrusage(who)
    return spent.ru_utime + spent.ru_stime
