"""Run by `make test-package` with the wheel installed and no sources around.

The argument is the folder of the sources, beside which the sdist and the wheel lie in build/dist.
"""

import importlib.metadata
import importlib.resources
import re
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import keras  # noqa: F401
import tensorflow  # noqa: F401

start = time.perf_counter()
import kerasnorm  # noqa: E402

seconds = time.perf_counter() - start

SOURCES = Path(sys.argv[1])
WHOLE = ("benchmarks", "docs", "kerasnorm", "tests", "tutorials")  # folders of the sdist
GENERATED = re.compile(r"__pycache__|\.ipynb_checkpoints|^docs/api/")
EXTRAS = {
    "vision",
    "tuning",
    "contours",
    "export",
    "all",
    "demo",
    "transfer",
    "imbalance",
    "addons",
}
PROJECT_URLS = {"Documentation", "Source", "Changelog", "Issues"}
problems = []


def check(holds, problem):
    if not holds:
        problems.append(problem)


def command(*arguments):
    """Returns exit code and stderr of the command beside this Python."""
    script = Path(sys.executable).with_name("kerasnorm")
    done = subprocess.run([script, *map(str, arguments)], capture_output=True, text=True)
    return done.returncode, done.stderr


def check_metadata():
    metadata = importlib.metadata.metadata("kerasnorm")
    check(metadata["License-Expression"] == "Apache-2.0", "the metadata have no licence")
    check(metadata["Description"], "the metadata have no description")
    check(metadata["Version"] == kerasnorm.__version__, "the versions differ")
    check({*metadata.get_all("Provides-Extra")} == EXTRAS, "the extras are others")
    urls = {url.partition(",")[0] for url in metadata.get_all("Project-URL")}
    check(urls == PROJECT_URLS, "a project URL is missing")
    pinned = [each for each in metadata.get_all("Requires-Dist") if "==" in each.partition(";")[0]]
    check(not pinned, f"pinned: {pinned}")


def check_wheel():
    check((importlib.resources.files("kerasnorm") / "py.typed").is_file(), "py.typed is missing")
    files = [path for path in importlib.metadata.files("kerasnorm") if ".." not in path.parts]
    folders = {path.parts[0] for path in files}
    others = {each for each in folders if not each.startswith("kerasnorm")}
    check(not others, f"the wheel holds {others}")


def check_sdist():
    (archive,) = (SOURCES / "build" / "dist").glob("kerasnorm-*.tar.gz")
    with tarfile.open(archive) as sdist:
        held = {name.partition("/")[2] for name in sdist.getnames()}
    wanted = {"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md"}
    wanted |= {"conftest.py", "pyproject.toml"}
    for folder in WHOLE:
        paths = (SOURCES / folder).rglob("*")
        wanted |= {path.relative_to(SOURCES).as_posix() for path in paths if path.is_file()}
    missing = sorted(name for name in wanted - held if not GENERATED.search(name))
    check(not missing, f"the sdist has no {missing}")
    generated = sorted(filter(GENERATED.search, held))
    check(not generated, f"the sdist has {generated}")


def check_command():
    """The command works without an extra, and names the extra that it needs."""
    code, error = command("inspect", SOURCES / "tests/golden/own/group.keras")
    check((code, error) == (0, ""), f"inspect: {error}")
    code, error = command("fit", SOURCES, "--out", "run")
    check(code == 2 and "pip install 'kerasnorm[vision]'" in error, f"fit: {error}")
    check(error.count("\n") == 1, f"more than a line: {error}")


check_metadata()
check_wheel()
check_sdist()
check_command()
if problems:
    raise SystemExit("; ".join(problems))
print(f"kerasnorm {kerasnorm.__version__}: {seconds:.3f} s beyond keras and tensorflow")
