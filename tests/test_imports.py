"""The house: imports point one way, and only the backend asks which backend it is."""

import ast
import graphlib
import importlib
import pathlib
import re

import keras
import numpy as np
import pytest
from backends import once
from processes import run_in_a_new_process

import kerasnorm

pytestmark = once
PACKAGE = pathlib.Path(kerasnorm.__file__).parent
FOR_ALL = {
    *("_types", "_validation", "_claims", "_files", "_table", "_tables", "_choices"),
    *("_existing", "_listing", "_strict_json"),
}
LEVELS = [
    {*FOR_ALL, "backend"},
    {"models"},
    {"data"},
    {"backups"},
    {"normalization", "testing"},
    {"surgery"},
    {"migrate"},
    {"transfer", "distribute"},
    {"imbalance"},
    {"recipe"},
    {"tuning", "problems"},
    {"_public"},
    {"cli"},
    {"__main__"},
]
# A part may know those below, and no other of its own level,
# except for the first: the modules beside the parts are for all.
LEVEL = {name: level for level, names in enumerate(LEVELS) for name in names}
FRAMEWORKS = {"tensorflow", "jax", "torch"}
WITH_TENSORFLOW = {"backend", "data", "imbalance", "distribute"}  # tf.data and tf.distribute
LAZY = {"sklearn", "scipy", "matplotlib", "keras_tuner", "optuna", "tensorboard", "PIL", "skimage"}

MODULES = sorted(PACKAGE.rglob("*.py"))
ROOT = PACKAGE.parent
USERS = sorted([*ROOT.glob("benchmarks/*.py"), *ROOT.glob("tutorials/*.py")])


def part(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def is_for_types(node):
    """Returns whether a statement is `if TYPE_CHECKING:`, whose imports never happen."""
    return isinstance(node, ast.If) and getattr(node.test, "id", None) == "TYPE_CHECKING"


def statements(path, top_level_only=False):
    """Yields the import statements of a file, but for those that are there for types alone."""
    waiting = list(ast.parse(path.read_text()).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif not top_level_only and not is_for_types(node):
            waiting.extend(ast.iter_child_nodes(node))


def imports(path, top_level_only=False):
    """Yields the dotted name of every module that a file imports."""
    for node in statements(path, top_level_only):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        else:
            assert node.level == 0, f"{path}: imports are absolute here"
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            modules = [name for name in whole if name in NAMES]
            yield from modules
            if len(modules) < len(whole):
                yield node.module


def package_of(path):
    return ".".join(("kerasnorm", *path.relative_to(PACKAGE).parts[:-1]))


def name_of(path):
    own = package_of(path)
    return own if path.stem == "__init__" else f"{own}.{path.stem}"


NAMES = {name_of(path): path for path in MODULES}
PARTS = sorted(path.parent for path in PACKAGE.glob("*/__init__.py"))


def test_every_part_has_a_level():
    assert {part(path) for path in MODULES} - {"__init__"} <= LEVEL.keys()


def test_imports_point_one_way():
    wrong = []
    for path in MODULES:
        own = part(path)
        for name in imports(path) if own != "__init__" else ():
            pieces = name.split(".")
            if pieces[0] != "kerasnorm" or len(pieces) == 1:
                continue
            other = pieces[1]
            if not (other == own or LEVEL[other] < LEVEL[own] or other in FOR_ALL):
                wrong.append(f"{name_of(path)} should not import {other}")
    assert not wrong


def test_nobody_reaches_past_a_face():
    """A module `_name.py` is for its own package; the others see that package's `__init__`."""
    wrong = []
    for path in MODULES:
        for name in imports(path):
            package, _, module = name.rpartition(".")
            inside = f"{package_of(path)}.".startswith(f"{package}.")
            if name.startswith("kerasnorm.") and module.startswith("_") and not inside:
                wrong.append(f"{name_of(path)} reaches into {package}")
    assert not wrong


@pytest.mark.parametrize("path", USERS, ids=lambda path: path.name)
def test_users_import_what_is_shown(path):
    """Benchmarks and tutorials import the package as its users do, or from a face."""
    for name in imports(path):
        assert not re.match(r"kerasnorm\..*\b_", name), f"{path.name} imports {name}"


def test_a_face_shows_nothing_that_nobody_uses():
    """What a face has besides its `__all__` is there for other parts, so one of them uses it."""
    used = {
        f"{node.module}.{alias.name}"
        for path in [*MODULES, *USERS]
        if path.stem != "__init__"
        for node in statements(path)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    unused = [
        f"{name}.{alias.name}"
        for name, path in NAMES.items()
        if path.stem == "__init__" and name.count(".")
        for node in statements(path)
        if isinstance(node, ast.ImportFrom) and node.module.startswith(f"{name}.")
        for alias in node.names
        if alias.name not in getattr(importlib.import_module(name), "__all__", ())
        and f"{name}.{alias.name}" not in used
        and path.read_text().count(alias.name) == 1
    ]
    assert not unused


@pytest.mark.parametrize("part", PARTS, ids=lambda path: path.name)
def test_no_circle_inside_a_part(part):
    """No module is imported by what it imports, inside functions neither."""
    inside = {name for name, path in NAMES.items() if path.is_relative_to(part)}
    graph = {name: sorted(inside & {*imports(NAMES[name])}) for name in inside}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_only_the_backend_imports_a_framework():
    wrong = []
    for path in MODULES:
        allowed = {"tensorflow"} if part(path) in WITH_TENSORFLOW else set()
        allowed = FRAMEWORKS if part(path) == "backend" else allowed
        frameworks = FRAMEWORKS & {name.split(".")[0] for name in imports(path)}
        wrong += [f"{name_of(path)} imports {name}" for name in frameworks - allowed]
    assert not wrong


def test_nobody_else_asks_which_backend_it_is():
    others = [path for path in MODULES if part(path) != "backend"]
    assert not [name_of(path) for path in others if "config.backend()" in path.read_text()]


def test_heavy_libraries_are_imported_where_used():
    wrong = []
    for path in MODULES:
        names = {name.split(".")[0] for name in imports(path, top_level_only=True)}
        wrong += [f"{name_of(path)} imports {name} at the top" for name in LAZY & names]
    assert not wrong


@pytest.mark.distributed
def test_import_brings_in_no_library_and_every_class(tmp_path):
    """No library beyond Keras and its backend; the classes of a saved model are known."""
    layers = [kerasnorm.ConvNormActivation(4, 3), keras.layers.Flatten(), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((4, 4, 3)), *layers])
    optimizer = kerasnorm.LayerwiseLearningRate(keras.optimizers.SGD(), {"dense": 0.1}, 1.0)
    model.compile(optimizer, kerasnorm.imbalance.losses.BalancedSoftmax([2, 1]))
    model.save(tmp_path / "model.keras")
    script = (
        "import sys, keras, tensorflow\n"
        "before = set(sys.modules)\n"
        "import kerasnorm\n"
        f"print(*({LAZY!r} & {{name.split('.')[0] for name in set(sys.modules) - before}}))\n"
        "model = keras.saving.load_model(sys.argv[1])\n"
        "print(*model(keras.ops.ones((1, 4, 4, 3))).numpy().ravel())"
    )
    libraries, outputs = run_in_a_new_process(script, tmp_path / "model.keras").splitlines()
    assert not libraries
    expected = keras.ops.convert_to_numpy(model(keras.ops.ones((1, 4, 4, 3))))[0]
    np.testing.assert_allclose([*map(float, outputs.split())], expected, rtol=1e-5, atol=1e-6)
