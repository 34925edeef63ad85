"""`load_tfa_weights`: into models that were built again with Keras 3 and kerasnorm."""

import zipfile

import h5py
import keras
import numpy as np
import pytest
from backends import once
from keras import layers
from migrate.old_files import Golden, difference, run
from migrate.own_layers import own

from kerasnorm import normalization as norms
from kerasnorm.migrate import load_tfa_model, load_tfa_weights
from kerasnorm.models import every_layer


def group():
    return keras.Sequential(
        [
            keras.Input((6, 6, 3)),
            layers.Conv2D(8, 3, activation="relu"),
            norms.GroupNormalization(4),
            layers.ReLU(6.0),
            layers.GlobalAveragePooling2D(),
            norms.GroupNormalization(2, axis=1, epsilon=0.01, center=False),
            layers.Dense(3),
        ]
    )


def instance():
    x = inputs = keras.Input((6, 5, 4))
    x = norms.InstanceNormalization()(x)
    x = layers.Conv2D(6, 3, padding="same", use_bias=False)(x)
    x = norms.InstanceNormalization(epsilon=1e-5, scale=False)(x)
    x = layers.LeakyReLU(0.1)(x)
    return keras.Model(inputs, norms.InstanceNormalization(axis=1)(x))


def weight_norm():
    x = inputs = keras.Input((6, 6, 2))
    x = norms.WeightNormalization(layers.Conv2D(5, 3, activation="relu"))(x)
    conv = layers.Conv2D(4, 2, strides=2, use_bias=False)
    x = layers.Flatten()(norms.WeightNormalization(conv, data_init=False)(x))
    x = norms.WeightNormalization(layers.Dense(3, activation="tanh"), data_init=False)(x)
    return keras.Model(inputs, x)


def backbone():
    """With other names than the old one, and nothing frozen."""
    x = inputs = keras.Input((8, 8, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(x)
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, 2, "same", use_bias=False)(x))
    for add in (False, True):
        x = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
        x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
        y = layers.BatchNormalization()(layers.Conv2D(6, 1, use_bias=False)(x))
        x = layers.Add()([x, y]) if add else y
    base = keras.Model(inputs, x)
    pool = layers.GlobalAveragePooling2D()
    head = [keras.Input((6,)), layers.Dense(4), layers.BatchNormalization()]
    head = keras.Sequential([keras.Input(base.output_shape[1:]), pool, *head[1:]])
    inputs = keras.Input((8, 8, 3))
    return keras.Model(inputs, layers.Dense(2)(head(base(inputs))))


# values are placed in NumPy; `test_golden.py` has what the models compute on each backend
pytestmark = once
MODELS = {make.__name__: make for make in (group, instance, weight_norm, backbone, own)}
KINDS = ("_only.h5", ".weights.h5", "_checkpoint", ".h5", ".keras")
FILES = [f"{name}{kind}" for name in MODELS for kind in KINDS[:3]]
FILES += ["group.h5", "own.keras", "own", "weight_norm.keras", "weight_norm"]


def name_of(file):
    return next(name for name in MODELS if file.startswith(name))


def freeze_as_the_old_one(model):
    """Freezes the stem and block1's convolutions, which come last in the old .h5 file."""
    for index in (2, 3, 4, 7):
        model.layers[1].layers[index].trainable = False


@pytest.mark.parametrize("file", FILES)
def test_outputs(file, old):
    name = name_of(file)
    path = old(file, name=name)
    model, golden = MODELS[name](), Golden(path.parent, name)
    if name == "backbone":
        freeze_as_the_old_one(model)
    load_tfa_weights(model, path)
    assert difference(run(model, golden.x), golden.y) < 5e-6


def test_names_tell_which_weight_is_which(old):
    """Nothing is frozen here, so the order is another than the file's."""
    loaded = load_tfa_model(old("backbone.h5"))
    model = keras.models.clone_model(loaded)
    for leaf in every_layer(model):
        leaf.layer.trainable = True
    load_tfa_weights(model, old("backbone_only.h5", name="backbone"))
    for new, before in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(new, before)


def test_a_frozen_model_with_a_part_that_trains(tmp_path):
    """Keras 2 lists first what would train; the names are others, so the order decides."""
    base = keras.Sequential([keras.Input((3,)), layers.Dense(4), layers.Dense(4)], name="base")
    model = keras.Sequential([keras.Input((3,)), base])
    base.trainable = False
    base.layers[1].trainable = True
    first, second = (
        [np.full(weight.shape, value) for weight in layer.weights]
        for layer, value in zip(base.layers, (1.0, 2.0), strict=True)
    )
    names = ["b/kernel:0", "b/bias:0", "a/kernel:0", "a/bias:0"]
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["layer_names"] = ["base"]
        group = file.create_group("base")
        group.attrs["weight_names"] = names
        for name, array in zip(names, [*second, *first], strict=True):
            group[name] = array
    load_tfa_weights(model, tmp_path / "old.h5")
    for new, value in zip(model.get_weights(), [*first, *second], strict=True):
        np.testing.assert_array_equal(new, value)


def test_a_threshold_a_channel_from_one_a_position(tmp_path, old):
    flat = norms.TLU()
    flat.build((None, 3))
    from kerasnorm.migrate._twins import make_twin

    (slot,) = make_twin(flat).slots
    assert slot.fit(np.ones((2, 2, 3))).shape == (3,)
    assert slot.fit(np.arange(12.0).reshape(2, 2, 3)).shape == (2, 2, 3)  # refused by its shape


def with_layers(*changes):
    """Returns the model with other layers at some indices, without those that are None."""
    stack = list(group().layers)
    for index, layer in changes:
        stack[index : index + 1 or None] = [layer] if layer else []
    return keras.Sequential([keras.Input((6, 6, 3)), *stack])


MISFITS = {
    "missing": (lambda: with_layers((-1, layers.Dense(3)), (6, layers.Dense(2, name="m"))), "m"),
    "extra": (lambda: with_layers((-1, None)), "dense"),
    "shape": (lambda: with_layers((-1, layers.Dense(4, name="d"))), "'d'"),
    "no_bias": (lambda: with_layers((0, layers.Conv2D(8, 3, use_bias=False, name="c"))), "c"),
}


@pytest.mark.parametrize(
    ("misfit", "kind"),
    [*((misfit, "_only.h5") for misfit in MISFITS), *(("missing", kind) for kind in KINDS[1:])],
)
def test_misfits_change_nothing(misfit, kind, old):
    make, said = MISFITS[misfit]
    model = make()
    model.build((None, 6, 6, 3))
    before = model.get_weights()
    with pytest.raises(ValueError, match=said):
        load_tfa_weights(model, old(f"group{kind}", name="group"))
    for new, value in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(new, value)


def test_what_is_no_file_of_weights(old, tmp_path):
    model = group()
    with pytest.raises(FileNotFoundError):
        load_tfa_weights(model, tmp_path / "none")
    with pytest.raises(ValueError, match="prefix"):
        load_tfa_weights(model, tmp_path)
    (tmp_path / "text.h5").write_text("text")
    with pytest.raises(ValueError, match="is damaged"):
        load_tfa_weights(model, tmp_path / "text.h5")
    with pytest.raises(ValueError, match="not built"):
        load_tfa_weights(keras.Sequential([layers.Dense(2)]), old("group.h5"))


@pytest.mark.parametrize("file", ["cudnn.h5", "cudnn.weights.h5"])
def test_weights_of_cudnn_in_layers_that_run_anywhere(file, old):
    path = old("cudnn.h5")
    with zipfile.ZipFile(path.with_suffix(".keras")) as archive:
        path.with_name("cudnn.weights.h5").write_bytes(archive.read("model.weights.h5"))
    x = inputs = keras.Input((5, 3))
    x = layers.Bidirectional(layers.GRU(4, return_sequences=True))(x)
    x = layers.GRU(3, return_sequences=True)(x)
    model = keras.Model(inputs, layers.LSTM(4)(x))
    load_tfa_weights(model, path.with_name(file))
    golden = Golden(path.parent, "cudnn")
    assert difference(run(model, golden.x), golden.y) < 5e-6
