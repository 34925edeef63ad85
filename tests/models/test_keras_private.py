"""Canary: what `models._keras` takes from Keras is there and means what it meant."""

import keras
import numpy as np
import pytest

from kerasnorm.models import _keras

pytestmark = pytest.mark.keras_fault


@pytest.fixture
def model():
    """y = dense(dropout(a)) + b, from a dict of inputs."""
    inputs = {name: keras.Input((2,), name=name) for name in "ab"}
    x = keras.layers.Dropout(0.5, name="dropout")(inputs["a"])
    x = keras.layers.Dense(2, name="dense")(x)
    return keras.Model(inputs, keras.layers.Add(name="add")([x, inputs["b"]]))


def test_calls_are_in_the_order_of_the_computation(model):
    nodes = _keras.nodes_of(_keras.graph_inside(model))
    names = [node.operation.name for node in nodes]
    assert sorted(names) == ["a", "add", "b", "dense", "dropout"]
    assert names.index("a") < names.index("dropout") < names.index("dense") < names.index("add")
    add = nodes[-1]
    dense = model.get_layer("dense")
    assert add.arguments.keras_tensors[0] is dense.output and add.outputs[0] is model.outputs[0]
    assert [node.operation for node in _keras.nodes_into(dense)] == [dense]


def test_arguments_of_calls_can_be_replaced(model):
    given = _keras.nodes_into(model.get_layer("dropout"))[0].arguments
    again = type(given)(*given.args, training=True)
    assert again.args == given.args and again.kwargs == {"training": True}


def test_which_models_have_a_graph(model):
    sequential = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    assert _keras.graph_inside(model) is model
    assert _keras.graph_inside(sequential).outputs[0] is sequential.outputs[0]
    assert _keras.graph_inside(keras.Sequential([keras.layers.Dense(1)])) is None
    assert _keras.graph_inside(model.get_layer("dense")) is None


def test_inputs_keep_their_structure(model):
    assert _keras.inputs_of_graph(model).keys() == {"a", "b"}


def test_a_graph_runs_with_other_layers(model):
    inputs = {name: keras.Input((2,), name=name) for name in "ab"}
    called = []

    def replace(operation):
        return keras.layers.Identity() if operation.name == "dropout" else operation

    def call(operation, *args, **kwargs):
        called.append(type(operation).__name__)
        return operation(*args, **kwargs)

    outputs = _keras.run_graph(model, inputs, replace, call)
    assert called == ["Identity", "Dense", "Add"]
    assert tuple(outputs.shape) == (None, 2)


def test_layers_are_found_in_lists_and_dicts():
    class Holder(keras.Layer):
        def __init__(self):
            super().__init__()
            self.first = keras.layers.Dense(1)
            self.rest = [keras.layers.Dense(1), {"last": keras.layers.Dense(1)}]

    holder = Holder()
    held = [holder.first, holder.rest[0], holder.rest[1]["last"]]
    assert _keras.layers_held_by(holder) == held


def test_a_flag_alone(model):
    outer = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    _keras.set_flag(outer, False)
    assert not outer.trainable and not _keras.flag_of(outer)
    assert outer.layers[0].trainable and outer.layers[0].kernel.trainable
    assert not outer.trainable_variables


def test_own_variables_are_there_whatever_is_frozen():
    layer = keras.layers.BatchNormalization(trainable=False)
    layer.build((None, 2))
    assert [v.name for v in _keras.own_trainable(layer)] == ["gamma", "beta"]
    frozen = [v.name for v in _keras.own_non_trainable(layer)]
    assert frozen == ["moving_mean", "moving_variance"]


def test_places_and_paths():
    old, new = keras.layers.Dense(1, name="a"), keras.layers.Dense(1, name="a")
    keras.Sequential([keras.Input((2,)), old], name="outer")
    assert old.kernel.path == "outer/a/kernel"
    assert _keras.place_of(old)["_inbound_nodes"] == _keras.nodes_into(old)
    _keras.put_under_path_of(new, old)
    new.build((None, 2))
    assert new.kernel.path == old.kernel.path
    other = keras.layers.Dense(1)
    other.build((None, 2))
    _keras.copy_paths(old, other)
    assert other.path == old.path and other.kernel.path == old.kernel.path


def test_something_can_be_done_after_build():
    class Noted(_keras.AfterBuild, keras.layers.Dense):
        times = 0

        def _after_build(self):
            self.times += 1

    layer = Noted(1)
    layer.build((None, 2))
    assert layer.times == 1
    _keras.after_change(layer)
    assert layer.times == 2


def test_what_a_model_was_compiled_with(model):
    loss = keras.losses.MeanSquaredError()
    model.compile("sgd", loss, metrics=["mae"])
    arguments = _keras.compile_arguments(model)
    assert arguments["loss"] is loss and arguments["metrics"] == ["mae"]
    model.optimizer.build(model.trainable_variables)
    optimized = _keras.optimized_by(model.optimizer)
    assert all(a is b for a, b in zip(optimized, model.trainable_variables, strict=True))


def test_where_fit_begins():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    data = np.ones((2, 2)), np.ones((2, 1))
    _keras.begin_at(model, 2)
    assert model.fit(*data, epochs=3, verbose=0).epoch == [2]
    _keras.begin_at(model, None)
    assert model.fit(*data, epochs=1, verbose=0).epoch == [0]
