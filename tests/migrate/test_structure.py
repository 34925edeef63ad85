"""What a loaded model is made of: layers, names, flags, policies, states."""

import keras
import numpy as np
import pytest
from backends import once
from keras import layers
from migrate.old_files import Golden, difference, run

from kerasnorm import normalization as norms
from kerasnorm.migrate import load_tfa_model
from kerasnorm.models import every_layer

pytestmark = pytest.mark.filterwarnings("ignore:The model is loaded uncompiled")
FROZEN = {"stem", "stem_bn", "block1_depthwise", "block1_project"}


@pytest.fixture
def load(old):
    return lambda file: load_tfa_model(old(file))


def flags(model):
    return {leaf.path: leaf.layer.trainable for leaf in every_layer(model)}


@once
@pytest.mark.parametrize("file", ["backbone.h5", "backbone.keras", "backbone"])
def test_flags_of_a_nested_backbone_with_frozen_parts(file, load, tmp_path):
    model = load(file)
    base = model.get_layer("base")
    assert {layer.name for layer in base.layers if not layer.trainable} == FROZEN
    assert len(model.trainable_weights) == 16 and len(model.weights) == 33
    model.save(tmp_path / "new.keras")
    again = keras.saving.load_model(tmp_path / "new.keras")
    assert flags(again) == flags(model)
    assert len(again.trainable_weights) == 16


@once
def test_names_are_kept_but_for_slashes(load):
    base = load("backbone.h5").get_layer("base")
    assert [layer.name for layer in base.layers[1:5]] == [
        *("rescaling", "stem", "stem_bn", "block1_depthwise")
    ]


CLASSES = [
    ("group.h5", "last_group", norms.GroupNormalization),
    ("instance.h5", "second", norms.InstanceNormalization),
    ("response.h5", "filter_response_normalization", norms.FilterResponseNormalization),
    ("response.h5", "flat_tlu", norms.TLU),
    ("response.h5", "tlu", norms.TLU),
    ("weight_norm.h5", "weight_normalization", norms.WeightNormalization),
    ("spectral.h5", "critic", norms.SpectralNormalization),
    ("recurrent.h5", "rnn", layers.RNN),
    ("attention.h5", "heads", layers.MultiHeadAttention),
]


@once
@pytest.mark.parametrize(("file", "name", "cls"), CLASSES)
def test_classes(file, name, cls, load):
    assert isinstance(load(file).get_layer(name), cls)


@once
def test_settings_are_kept(load):
    model = load("group.h5")
    last = model.get_layer("last_group")
    assert (last.groups, last.axis, last.epsilon, last.center) == (2, 1, 0.01, False)
    assert isinstance(model.get_layer("conv2d").kernel_regularizer, keras.regularizers.L2)
    assert model.get_layer("dense").kernel_constraint.max_value == 2.0


@once
def test_a_shared_layer_is_one(load):
    model = load("shared.h5")
    assert len(model.get_layer("tower")._inbound_nodes) == 2
    assert len(model.get_layer("dense")._inbound_nodes) == 2
    assert model.input.keys() == {"left", "right"} and model.output.keys() == {"distance", "joined"}


@once
@pytest.mark.parametrize("file", ["mixed.h5", "mixed.keras"])
def test_dtype_policies(file, load):
    model = load(file)
    assert model.get_layer("conv2d").dtype_policy.name == "mixed_float16"
    assert model.get_layer("dense").dtype_policy.name == "float32"


def test_weight_normalization_does_not_initialize_again(load):
    model = load("weight_norm.h5")
    layer = model.get_layer("weight_normalization")
    before = keras.ops.convert_to_numpy(layer.g)
    model(10 + 3 * np.random.default_rng(0).normal(size=(8, 6, 6, 2)), training=True)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer.g), before)
    assert layer.data_init and not np.any(keras.ops.convert_to_numpy(layer._data_variables[0]))


def test_volume(old):
    """Channels first: as the same model with channels last, which TensorFlow could run."""
    path = old("volume.h5")
    golden, model = Golden(path.parent, "volume"), load_tfa_model(path)
    assert model.get_layer("volume").data_format == "channels_first"
    x = inputs = keras.Input((4, 4, 4, 2))
    x = layers.Conv3D(4, 3, data_format="channels_last")(x)
    x = norms.GroupNormalization(2)(x)
    x = layers.GlobalAveragePooling3D(data_format="channels_last")(x)
    last = keras.Model(inputs, layers.Dense(2)(x))
    last.set_weights(model.get_weights())
    assert difference(run(last, [np.moveaxis(golden.x[0], 1, -1)]), golden.y) < 5e-6
    if keras.config.backend() != "tensorflow":
        assert difference(run(model, golden.x), golden.y) < 5e-6


def test_called_without_training_its_statistics_stay(load, tmp_path):
    """`base(x, training=False)` holds in `fit`, which Keras 3 itself would ignore."""
    model = load("frozen_base.h5")
    model.get_layer("base").get_layer("batch_normalization").trainable = True
    model.save(tmp_path / "new.keras")
    for each in (model, keras.saving.load_model(tmp_path / "new.keras")):
        norm = each.get_layer("base").get_layer("batch_normalization")
        before = keras.ops.convert_to_numpy(norm.moving_mean)
        gamma = keras.ops.convert_to_numpy(norm.gamma)
        each.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
        each.fit(np.ones((8, 6, 6, 2)), np.zeros((8, 2)), verbose=0)
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(norm.moving_mean), before)
        assert np.any(keras.ops.convert_to_numpy(norm.gamma) != gamma)


@once
def test_str_and_path(old):
    assert load_tfa_model(str(old("instance.h5"))).name == "instance_model"


@once
@pytest.mark.parametrize("file", ["group.h5", "group.keras"])
def test_one_warning_says_what_it_was_compiled_with(file, old):
    with pytest.warns(UserWarning) as warned:
        model = load_tfa_model(old(file))
    (message,) = {
        str(warning.message) for warning in warned if "uncompiled" in str(warning.message)
    }
    assert not model.compiled
    for word in ("SigmoidFocalCrossEntropy", "MultiOptimizer", "AdamW", "F1Score", "sum", "mean"):
        assert word in message
