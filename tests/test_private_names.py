"""What of Keras is private is used in one file of a part, `_keras.py`, and nowhere else."""

import ast
import pathlib

import keras
import pytest

import kerasnorm

PACKAGE = pathlib.Path(kerasnorm.__file__).parent
GATES = {"_keras.py", "_keras_tuner.py"}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name not in GATES)


def keras_names():
    """Returns the private names of Keras' models, layers, calls, variables and optimizers."""
    x = keras.Input((2,))
    dense = keras.layers.Dense(1)
    functional = keras.Model(x, dense(x))
    functional.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam()), "mse")
    functional.optimizer.build(functional.trainable_variables)
    sequential = keras.Sequential([x, dense])
    calls = (node for nodes in functional._nodes_by_depth.values() for node in nodes)
    objects = [functional, sequential, dense, dense.kernel, functional.optimizer, dense.output]
    objects += [functional.optimizer.inner_optimizer, keras.layers.BatchNormalization(), *calls]
    objects += [keras.layers.LSTM(1), keras.layers.TimeDistributed(dense), keras.metrics.Mean()]
    names = {name for each in objects for name in (*dir(each), *vars(each))}
    return {name for name in names if name.startswith("_") and not name.startswith("__")}


KERAS = keras_names()


def own_names(tree):
    """Yields the names that a module gives to attributes of its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield node.name
        stored = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        if stored and getattr(node.value, "id", None) == "self":
            yield node.attr


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_private_names_are_behind_a_gate(path):
    tree = ast.parse(path.read_text())
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not used & KERAS - {*own_names(tree)}
    sources = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert not [source for source in sources if ".src" in source]
