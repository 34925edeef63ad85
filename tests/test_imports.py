"""The house: imports point one way, and only the backend asks which backend it is."""

import ast
import pathlib
import subprocess
import sys

import pytest

import kerasnorm

PACKAGE = pathlib.Path(kerasnorm.__file__).parent
LEVELS = [
    {"_validation", "backend"},
    {"normalization"},
    {"surgery"},
    {"migrate"},  # it copies models and freezes statistics as surgery does
    {"transfer", "imbalance", "distribute"},
    {"recipe"},
    {"tuning"},
    {"cli"},
]
# A part may know those below, and no other of its own level,
# except for the first: the backend may use the checks.
LEVEL = {name: level for level, names in enumerate(LEVELS) for name in names}
FRAMEWORKS = {"tensorflow", "jax", "torch"}
WITH_TENSORFLOW = {"backend", "imbalance", "distribute"}  # tf.data and tf.distribute
LAZY = {"sklearn", "scipy", "matplotlib", "keras_tuner", "optuna", "tensorboard", "PIL"}

MODULES = sorted(PACKAGE.rglob("*.py"))
every_module = pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))


def part(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path, top_level_only=False):
    """Yields the dotted name of every module that a file imports."""
    tree = ast.parse(path.read_text())
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            yield node.module
            if node.module == "kerasnorm":
                yield from (f"kerasnorm.{alias.name}" for alias in node.names)


def test_every_part_has_a_level():
    assert {part(path) for path in MODULES} - {"__init__"} <= LEVEL.keys()


@every_module
def test_imports_point_one_way(path):
    own = part(path)
    if own == "__init__":
        return
    for name in imports(path):
        pieces = name.split(".")
        if pieces[0] != "kerasnorm" or len(pieces) == 1:
            continue
        other = pieces[1]
        allowed = other == own or LEVEL[other] < LEVEL[own] or other == "_validation"
        assert allowed, f"{own} should not import {other}"


@every_module
def test_only_the_backend_imports_a_framework(path):
    for name in imports(path):
        framework = name.split(".")[0]
        if framework in FRAMEWORKS:
            assert part(path) in WITH_TENSORFLOW, f"{path} imports {framework}"
            assert framework == "tensorflow" or part(path) == "backend"


@every_module
def test_nobody_else_asks_which_backend_it_is(path):
    if part(path) != "backend":
        assert "config.backend()" not in path.read_text()


@every_module
def test_heavy_libraries_are_imported_where_used(path):
    assert not LAZY & {name.split(".")[0] for name in imports(path, top_level_only=True)}


def test_import_is_cheap():
    """No library beyond Keras and its backend comes in with `import kerasnorm`."""
    script = (
        "import sys, keras\n"
        "import tensorflow\n"
        "import kerasnorm\n"
        f"print(*({LAZY!r} & {{name.split('.')[0] for name in sys.modules}}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    baseline = subprocess.run(
        [sys.executable, "-c", script.replace("import kerasnorm\n", "")],
        capture_output=True,
        text=True,
    )
    assert {*done.stdout.split()} <= {*baseline.stdout.split()}
