"""The user's own classes and functions: how they are given, found and refused."""

import json

import h5py
import keras
import numpy as np
import pytest
from backends import once
from keras import layers
from migrate.old_files import Golden, difference, run
from migrate.own_layers import OWN, Scale

from kerasnorm.migrate import load_tfa_model

pytestmark = [once, pytest.mark.filterwarnings("ignore:The model is loaded uncompiled")]


def edited(path, change):
    """Changes the architecture in a file: `change` gets its layers by name, and all of it."""
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        change({layer["config"]["name"]: layer for layer in config["config"]["layers"]}, config)
        file.attrs["model_config"] = json.dumps(config)
    return path


def test_in_a_scope(old):
    path = old("own.h5")
    with keras.saving.custom_object_scope(OWN):
        model = load_tfa_model(path)
    golden = Golden(path.parent, "own")
    assert difference(run(model, golden.x), golden.y) < 5e-6


@pytest.fixture
def registered():
    class Factor(layers.Layer):
        def build(self, shape):
            self.factor = self.add_weight(name="factor", shape=(shape[-1],), initializer="ones")

        def call(self, x):
            return x * self.factor

    kept = dict(keras.saving.get_custom_objects())
    yield keras.saving.register_keras_serializable("Mine", "Scale")(Factor)
    keras.saving.get_custom_objects().clear()
    keras.saving.get_custom_objects().update(kept)


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_by_the_package_it_is_registered_in(suffix, old, registered):
    assert isinstance(load_tfa_model(old(f"custom{suffix}")).get_layer("mine"), registered)


@pytest.mark.parametrize("name", OWN)
def test_the_refusal_shows_the_line_to_write(name, old):
    others = {key: value for key, value in OWN.items() if key != name}
    with pytest.raises(ValueError, match=r"Layer '\w+'") as caught:
        load_tfa_model(old("own.h5"), custom_objects=others)
    line = f'`load_tfa_model(path, custom_objects={{"{name}": {name}}})`'
    assert line in str(caught.value)


@pytest.mark.parametrize("wrong", [[Scale], {"Scale": "Scale"}, {Scale: Scale}])
def test_what_is_no_dict_of_classes_by_name(wrong, old):
    with pytest.raises(TypeError, match=r"`custom_objects` should be a dict"):
        load_tfa_model(old("own.h5"), custom_objects=wrong)


def test_a_function_where_a_class_of_layers_should_be(old):
    with pytest.raises(ValueError, match=r"'scale'.*should be a class of layers"):
        load_tfa_model(old("own.h5"), custom_objects={**OWN, "Scale": lambda x: x})


def test_weights_of_other_names_are_not_mixed_up(old):
    """Both have the same shape, so that order alone would not tell."""

    class Renamed(Scale):
        def build(self, shape):
            self.moved = self.add_weight(name="factor_a", shape=(shape[-1],))
            self.factors = [
                self.add_weight(name=f"factor_{k}", shape=(shape[-1],)) for k in ("b", "c")
            ]
            self.rest = self.add_weight(name="rest", shape=(shape[-1],), trainable=False)

    with pytest.raises(ValueError, match=r"'scale'.*'scale/shift:0'"):
        load_tfa_model(old("own.h5"), custom_objects={**OWN, "Scale": Renamed})


def test_the_function_of_a_lambda_layer(old):
    """By the layer's name for code, which does not run; by its own name else."""
    path = old("anonymous.h5")
    model = load_tfa_model(path, custom_objects={"twice": lambda x: x * 2 + 1})
    np.testing.assert_allclose(run(model, [np.ones((1, 4), "float32")])[0], 3)

    def named(items, _):
        items["twice"]["config"].update(function_type="function", function="doubled")

    edited(path, named)
    with pytest.raises(ValueError, match=r"'twice'.*\{\"doubled\": doubled\}"):
        load_tfa_model(path)
    model = load_tfa_model(path, custom_objects={"doubled": lambda x: x * 2})
    np.testing.assert_allclose(run(model, [np.ones((1, 4), "float32")])[0], 2)


def test_a_class_of_models(old):
    class Mine(keras.Model):
        pass

    path = old("group.h5")
    golden = Golden(path.parent, "group")

    def of_a_class(_, config):
        config["class_name"] = "Mine"

    edited(path, of_a_class)
    with pytest.raises(ValueError, match=r'custom_objects=\{"Mine": Mine\}'):
        load_tfa_model(path)
    sequential = type("Mine", (keras.Sequential,), {})
    model = load_tfa_model(path, custom_objects={"Mine": sequential})
    assert type(model) is sequential and difference(run(model, golden.x), golden.y) < 5e-6


def test_an_activation_that_is_a_layer(old):
    leaky = {"class_name": "LeakyReLU", "config": {"name": "leaky", "alpha": 0.25}}

    def change(items, _):
        config = {"name": "twice", "activation": leaky}
        items["twice"].update(class_name="Activation", config=config)

    model = load_tfa_model(edited(old("anonymous.h5"), change))
    np.testing.assert_allclose(run(model, [np.full((1, 4), -4.0, "float32")])[0], -1)


def test_a_class_of_the_user_made_of_one_of_keras(old):
    """Its config has what Keras 2's layer had, `time_major` and `implementation`."""
    mine = type("Mine", (layers.GRU,), {})
    names = []

    def change(items, _):
        for name, item in items.items():
            if item["class_name"] == "GRU" and "time_major" in item["config"]:
                item["class_name"] = "Mine"
                names.append(name)

    path = edited(old("states.h5"), change)
    model = load_tfa_model(path, custom_objects={"Mine": mine})
    golden = Golden(path.parent, "states")
    assert names and all(type(model.get_layer(name)) is mine for name in names)
    assert difference(run(model, golden.x), golden.y) < 5e-6


def test_a_layer_without_a_config_of_its_own(old):
    """Keras 2 wrote its name beside the config then, and no arguments."""

    class Doubled(layers.Layer):
        def call(self, x):
            return x * 2

    def change(items, _):
        items["twice"].update(class_name="Doubled", config={}, name="twice")

    model = load_tfa_model(edited(old("anonymous.h5"), change), {"Doubled": Doubled})
    np.testing.assert_allclose(run(model, [np.ones((1, 4), "float32")])[0], 2)
    assert model.get_layer("twice").name == "twice"
