"""Every public layer copied, written to files and printed, in one small network."""

import copy
import functools
import pathlib
import pickle
import re

import deploying
import keras
import numpy as np
import pytest
from backends import once
from normalization.kernel_layers import array

from kerasnorm import normalization as kn

SHAPE = (4, 4, 8)
layers = keras.layers


def _recurrent(cell):
    # QR, behind Keras' default, has no bfloat16
    make = functools.partial(cell, 3, recurrent_initializer="glorot_uniform")
    return lambda x: layers.RNN(make())(layers.Reshape((16, 8))(x))


def _with_style(x):
    return kn.AdaptiveInstanceNormalization()([x, layers.AveragePooling2D(2)(x)])


def _mixed(x):
    mixture = layers.Dense(3, "softmax")(layers.Flatten()(x))
    return kn.ConditionalInstanceNormalization(3)([x, mixture])


LAYERS = {
    "BatchNormalization": lambda x: kn.BatchNormalization()(x),
    "SyncBatchNormalization": lambda x: kn.SyncBatchNormalization()(x),
    # of a list of axes Keras reads the last one from .h5, for its own layer too
    "LayerNormalization": lambda x: kn.LayerNormalization(normalized_shape=(4, 8))(x),
    "InstanceNormalization": lambda x: kn.InstanceNormalization(track_statistics=True)(x),
    "GroupNormalization": lambda x: kn.GroupNormalization(4)(x),
    "FilterResponseNormalization": lambda x: kn.FilterResponseNormalization(learned_epsilon=True)(
        x
    ),
    "TLU": lambda x: kn.TLU()(x),
    "SwitchableNormalization": lambda x: kn.SwitchableNormalization()(x),
    "AdaptiveInstanceNormalization": _with_style,
    "ConditionalInstanceNormalization": _mixed,
    "ConvNormActivation": lambda x: kn.ConvNormActivation(4, 3, normalization="group")(x),
    "LayerNormLSTMCell": _recurrent(kn.LayerNormLSTMCell),
    "LayerNormGRUCell": _recurrent(kn.LayerNormGRUCell),
    "WeightStandardization": lambda x: kn.WeightStandardization(layers.Conv2D(3, 3))(x),
    "WeightNormalization": lambda x: kn.WeightNormalization(layers.Dense(3))(x),
    "SpectralNormalization": lambda x: kn.SpectralNormalization(layers.Dense(3))(x),
}


def public_layers():
    public = {name: getattr(kn, name) for name in kn.__all__}
    return {name for name, value in public.items() if isinstance(value, type)}


@once
def test_every_public_layer_has_a_row_here_and_among_what_is_deployed():
    assert {*LAYERS} == public_layers()
    text = pathlib.Path(deploying.__file__).read_text()
    assert {*re.findall(r"kn\.([A-Z]\w+)", text)} == public_layers()


@functools.cache
def network(policy=None):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy or before)
    try:
        return deploying.network(LAYERS, SHAPE)[0]
    finally:
        keras.config.set_dtype_policy(before)


def images():
    return np.random.default_rng(6).normal(size=(2, *SHAPE)).astype("float32")


def through_a_file(model, suffix, folder):
    model.save(folder / f"model{suffix}")
    return keras.models.load_model(folder / f"model{suffix}")


def cloned(model, _):
    copied = keras.models.clone_model(model)
    copied.set_weights(model.get_weights())
    return copied


COPIES = {
    "pickle": lambda model, _: pickle.loads(pickle.dumps(model)),
    "deepcopy": lambda model, _: copy.deepcopy(model),
    "clone_model": cloned,
    ".keras": lambda model, folder: through_a_file(model, ".keras", folder),
    ".h5": lambda model, folder: through_a_file(model, ".h5", folder),
}


@pytest.mark.parametrize("way", COPIES)
def test_copied(way, tmp_path):
    model, x = network(), images()
    copied = COPIES[way](model, tmp_path)
    np.testing.assert_allclose(array(copied(x)), array(model(x)), rtol=1e-6, atol=1e-6)
    before = model.get_weights()
    copied.set_weights([weight * 0 for weight in before])  # the copy shares nothing
    for found, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("policy", "suffix"), [("bfloat16", ".keras"), ("float16", ".h5")])
def test_files_of_narrow_floats(policy, suffix, tmp_path):
    model, x = network(policy), images()
    loaded = through_a_file(model, suffix, tmp_path)
    found, expected = (array(keras.ops.cast(m(x), "float32")) for m in (loaded, model))
    assert np.isfinite(expected).all()
    np.testing.assert_array_equal(found, expected)
    assert [w.dtype for w in loaded.weights] == [w.dtype for w in model.weights]


@once
def test_summary_names_every_layer():
    lines = []
    network().summary(print_fn=lines.append, line_length=160)
    for name in public_layers() - {"LayerNormLSTMCell", "LayerNormGRUCell"}:
        assert name in "\n".join(lines)


@once
def test_plotted(tmp_path):
    pytest.importorskip("pydot", reason="plot_model needs pydot")
    dot = keras.utils.model_to_dot(network(), show_shapes=True, expand_nested=True)
    assert "GroupNormalization" in dot.to_string()


@pytest.mark.parametrize(
    "wrapper", [kn.WeightNormalization, kn.SpectralNormalization, kn.WeightStandardization]
)
def test_lora_inside_a_wrapper(wrapper):
    """The product of its matrices is added to what the wrapper computes, as in Keras' own."""
    layer = wrapper(layers.Dense(3))
    x = images()[:, 0, 0]
    before = array(layer(x))
    layer.layer.enable_lora(2)
    np.testing.assert_array_equal(array(layer(x)), before)
    random = np.random.default_rng(7)
    a, b = (random.normal(size=size).astype("float32") for size in ((8, 2), (2, 3)))
    layer.layer.lora_kernel_a.assign(a)
    layer.layer.lora_kernel_b.assign(b)
    np.testing.assert_allclose(array(layer(x)), before + x @ a @ b, rtol=1e-5, atol=1e-5)
    names = {weight.name for weight in layer.trainable_weights}
    assert "kernel" not in names and {"lora_kernel_a", "lora_kernel_b"} <= names
    np.testing.assert_allclose(array(layer.remove()(x)), array(layer(x)), rtol=1e-5, atol=1e-5)
