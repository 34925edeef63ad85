"""What is refused: by the name of the layer, and before anything is returned."""

import json
import sys

import h5py
import keras
import numpy as np
import pytest
from backends import once

from kerasnorm.migrate import load_tfa_model, load_tfa_weights

pytestmark = once
REFUSED = {
    "operation": ("tf.math.tanh", "load_tfa_weights"),
    "anonymous": ("twice", "safe_mode=False"),
    "conditional_field": ("field", "load_tfa_weights"),
    "custom": ("mine", "somebody's own"),
    "instance_of_rows": ("rows", "axis -2"),
    "maxout": ("most", "load_tfa_weights"),
    "snake": ("wavy", "Addons>snake"),
}


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_the_name_of_the_layer(name, suffix, old):
    layer, said = REFUSED[name]
    with pytest.raises(ValueError, match=f"Layer '{layer}'") as caught:
        load_tfa_model(old(f"{name}{suffix}"))
    assert said in str(caught.value)


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_lambda_of_a_trusted_file(suffix, old):
    path = old(f"anonymous{suffix}")
    if sys.version_info[:2] != (3, 11):
        with pytest.raises(ValueError, match=r"'twice'.* 3\.11"):
            load_tfa_model(path, safe_mode=False)
        return
    model = load_tfa_model(path, safe_mode=False)
    y = keras.ops.convert_to_numpy(model(np.ones((1, 4), "float32")))
    np.testing.assert_allclose(y, 3)


def edited(path, change):
    """Changes the architecture in a file."""
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        change({layer["config"]["name"]: layer for layer in config["config"]["layers"]})
        file.attrs["model_config"] = json.dumps(config)
    return path


def setting(layer, **config):
    return lambda layers: layers[layer]["config"].update(config)


def other_class(layer, name):
    return lambda layers: layers[layer].update(class_name=name)


CHANGES = {
    "instance_axis": (setting("first", axis=-3), "'first'.*axis -3"),
    "shape": (setting("conv2d", filters=5), "'conv2d'.*'kernel'.*shape"),
    "no_bias": (setting("conv2d", use_bias=True), "'conv2d'.*'bias' is not in the file"),
    "unknown_argument": (setting("conv2d", sharpness=3), "'conv2d'.*sharpness=3"),
    "unknown_class": (other_class("conv2d", "Conv9D"), "'conv2d' of class Conv9D"),
    "own_class": (other_class("conv2d", "Mine>Conv2D"), "'conv2d'.*somebody's own"),
    "weights_without_layer": (other_class("second", "Identity"), "second|epsilon"),
    "initializer": (setting("conv2d", kernel_initializer="mine"), "'conv2d'.*initializer 'mine'"),
    "policy": (setting("conv2d", dtype="float31"), "'conv2d'.*float31"),
    "activation": (setting("conv2d", activation="os.system"), "'conv2d'.*os.system"),
    "renamed": (setting("conv2d", name="second"), "same name|second"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_file_that_says_what_cannot_be(name, old):
    change, said = CHANGES[name]
    with pytest.raises(ValueError, match=said):
        load_tfa_model(edited(old("instance.h5"), change))


def test_filter_response_over_other_axes(old):
    path = edited(old("response.h5"), setting("filter_response_normalization", axis=[2, 3]))
    with pytest.raises(ValueError, match=r"'filter_response_normalization'.*should be \[1, 2\]"):
        load_tfa_model(path)


def test_training_in_a_call(old):
    def call_in_training(layers):
        layers["base"]["inbound_nodes"][0][0][3]["training"] = True

    with pytest.raises(ValueError, match=r"'base'.*training=True"):
        load_tfa_model(edited(old("backbone.h5"), call_in_training))


def test_weights_that_no_layer_takes(old):
    path = old("instance.h5")
    with h5py.File(path, "r+") as file:
        group = file["model_weights/second"]
        group["extra:0"] = np.zeros(3)
        group.attrs["weight_names"] = [*group.attrs["weight_names"], "extra:0"]
    with pytest.raises(ValueError, match="second: extra:0"):
        load_tfa_model(path)


def test_a_layer_without_its_weights(old):
    path = old("instance.h5")
    with h5py.File(path, "r+") as file:
        file["model_weights/second"].attrs["weight_names"] = np.array([], "S1")
    with pytest.raises(ValueError, match="'second'"):
        load_tfa_model(path)


def no_code(*_, **__):
    raise AssertionError("code in the file ran")


def test_no_code_in_the_file_runs(old, monkeypatch):
    for name in ("marshal.loads", "pickle.loads", "builtins.eval", "builtins.exec"):
        monkeypatch.setattr(name, no_code)
    with pytest.raises(ValueError, match="'twice'"):
        load_tfa_model(old("anonymous.h5"))
    assert load_tfa_model(old("instance.h5")).built


WRONG = {
    "empty.h5": b"",
    "text.h5": b"no model at all" * 100,
    "text.keras": b"PK\x03\x04 no zip",
    "zeros.h5": bytes(1000),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_file_of_another_kind(name, tmp_path):
    (tmp_path / name).write_bytes(WRONG[name])
    with pytest.raises(ValueError, match="is damaged, or no"):
        load_tfa_model(tmp_path / name)


def test_what_is_no_model(old, tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file"):
        load_tfa_model(tmp_path / "none.h5")
    with pytest.raises(ValueError, match=r"is no SavedModel"):
        load_tfa_model(tmp_path)
    with pytest.raises(ValueError, match="load_tfa_weights"):
        load_tfa_model(old("group_only.h5", name="group"))
    with pytest.raises(ValueError, match="load_tfa_weights"):
        load_tfa_model(old("group.weights.h5"))
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = np.zeros(3)
    with pytest.raises(ValueError, match="has no model"):
        load_tfa_model(tmp_path / "other.h5")


def test_a_file_of_keras_3(tmp_path):
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(tmp_path / "new.keras")
    with pytest.raises(ValueError, match="load_model"):
        load_tfa_model(tmp_path / "new.keras")


def test_arrays_of_another_kind(old):
    path = old("instance.h5")
    model = load_tfa_model(path)
    before = model.get_weights()
    with h5py.File(path, "r+") as file:
        del file["model_weights/conv2d/conv2d/kernel:0"]
        file["model_weights/conv2d/conv2d/kernel:0"] = np.array(["text"] * 3, "S4")
    with pytest.raises(ValueError, match="'conv2d'"):
        load_tfa_weights(model, path)
    for new, value in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(new, value)


def test_strings_that_libhdf5_would_read_for_ever(old):
    path = old("instance.h5")
    content = bytearray(path.read_bytes())
    place = content.index(b"GCOL") + 16
    content[place : place + 256] = bytes(256)
    path.write_bytes(content)
    with pytest.raises(ValueError, match="strings are damaged"):
        load_tfa_model(path)


def test_too_few_initial_states(old):
    def without_the_last(layers):
        del layers["lstm_1"]["inbound_nodes"][0][-1]

    with pytest.raises(ValueError, match=r"'lstm_1'.* 2 initial states"):
        load_tfa_model(edited(old("states.h5"), without_the_last))
