"""Each line of TRAPS, "Whole models", as a test: what Keras does, and what we do."""

import keras
import numpy as np
import pytest
from backends import once
from keras import layers
from surgery.surgery_models import MODELS, SHAPE, Held, block, data, functional, nested, randomised
from transfer import freezing_models

from kerasnorm import normalization as norms
from kerasnorm.models._leaves import every_layer
from kerasnorm.surgery import (
    convert_sync_batchnorm,
    freeze_statistics,
    recompute_statistics,
    replace_normalization,
)
from kerasnorm.transfer import trainable_table


def to_group(layer):
    """The recipe that is found in forums, for `clone_model`."""
    if isinstance(layer, layers.BatchNormalization):
        return norms.GroupNormalization(2, name=layer.name)
    return layer.__class__.from_config(layer.get_config())


def count(model, cls):
    return sum(type(leaf.layer) is cls for leaf in every_layer(model))


@once
def test_clone_model_leaves_nested_models_layers():
    model = nested()
    cloned = keras.models.clone_model(model, clone_function=to_group)
    assert count(cloned, layers.BatchNormalization) == 2
    new, _ = replace_normalization(model, "group", groups=2)
    assert count(new, layers.BatchNormalization) == 0
    assert count(new, norms.GroupNormalization) == 2


@once
def test_recursive_cloning_loses_nested_trainable_flags():
    model = nested()
    inner = model.get_layer("middle").layers[0]
    inner.get_layer("a_conv").trainable = False
    inner.get_layer("b_bn").trainable = False
    flags = [leaf.layer.trainable for leaf in every_layer(model)]
    new, _ = replace_normalization(model, "group", groups=2)
    assert [leaf.layer.trainable for leaf in every_layer(new)] == flags
    rows = [(row["path"], row["trainable"]) for row in trainable_table(model).rows]
    assert [(row["path"], row["trainable"]) for row in trainable_table(new).rows] == rows


@once
@pytest.mark.parametrize("level", ["outer", "middle", "inner", "layer", "variable"])
def test_flags_at_every_level_stay(level):
    model = nested()
    inner = model.get_layer("middle").layers[0]
    norm = inner.get_layer("a_bn")
    parts = {"outer": model, "middle": model.get_layer("middle"), "inner": inner, "layer": norm}
    if level == "variable":
        norm.gamma.trainable = False
    else:
        parts[level].trainable = False
    expected = [weight.path for weight in model.trainable_weights]
    new, _ = replace_normalization(model, "group", groups=2)
    assert [weight.path for weight in new.trainable_weights] == expected
    new.trainable = model.trainable = True
    assert len(new.trainable_weights) == len(model.trainable_weights)


@once
def test_unnamed_inputs_keep_their_names():
    model = functional()
    names = [tensor.name for tensor in model.inputs]
    new, _ = replace_normalization(model, "group", groups=2)
    assert [tensor.name for tensor in new.inputs] == names
    assert [layer.name for layer in new.layers] == [layer.name for layer in model.layers]


@once
@pytest.mark.parametrize("kind", ["several", "listed", "nested", "functional"])
def test_inputs_and_outputs_keep_their_structure(kind):
    model = MODELS[kind]()
    new, _ = replace_normalization(model, "group", groups=2)
    for part in ("input", "output"):
        old, mine = getattr(model, part), getattr(new, part)
        keras.tree.assert_same_structure(old, mine)
        for first, second in zip(keras.tree.flatten(old), keras.tree.flatten(mine), strict=True):
            assert (first.shape, first.dtype) == (second.shape, second.dtype)


@once
def test_time_distributed_and_custom_layers_are_entered():
    model = MODELS["wrapped"]()
    cloned = keras.models.clone_model(model, clone_function=to_group)
    assert count(cloned, layers.BatchNormalization) == 3
    new, report = replace_normalization(model, "group", groups=2)
    assert report.replaced == ["each/bn", "deep/step/a_bn", "deep/step/b_bn"]
    assert count(new, layers.BatchNormalization) == 0
    held = keras.Sequential([keras.Input(SHAPE), Held(name="held")])
    new, report = replace_normalization(held, "group", groups=2)
    layer = new.get_layer("held")
    inside = [layer.first, layer.listed[1], layer.named["norm"], layer.named["more"][0]]
    assert [type(norm) for norm in inside] == [norms.GroupNormalization] * 4
    assert len(report.replaced) == 4


@once
def test_a_subclassed_model_refuses_clone_function_and_keeps_no_old_layer_tracked():
    model = MODELS["subclassed"]()
    with pytest.raises(ValueError):
        keras.models.clone_model(model, clone_function=to_group)
    new, _ = replace_normalization(model, "group", groups=2)
    assert type(new) is not keras.Model and type(new).__name__ == "Network"
    assert type(new.norm) is norms.GroupNormalization
    assert not [weight.path for weight in new.weights if "moving" in weight.path]
    assert len(new.weights) == len({id(weight) for weight in new.weights})
    held = {id(layer) for layer in new._flatten_layers()}
    assert id(new.norm) in held and id(new.body.layers[1]) in held


@once
def test_preprocessing_is_finalised():
    model = randomised("preprocessed")
    x = data("preprocessed")
    inner = keras.Model(model.inputs[0], model.get_layer("scale").output)
    expected = keras.ops.convert_to_numpy(inner(x))
    assert np.abs(expected - x).max() > 1  # or nothing would be tested
    for new in (replace_normalization(model, "group").model, convert_sync_batchnorm(model)):
        part = keras.Model(new.inputs[0], new.get_layer("scale").output)
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(part(x)), expected)


def compiled(model, optimizer):
    own = keras.metrics.MeanSquaredError(name="own")
    model.compile(optimizer, "mse", metrics=["mae", own], run_eagerly=True)
    return model


def fitted(optimizer="adam"):
    inputs = keras.Input((4,))
    x = layers.BatchNormalization(name="bn")(layers.Dense(4, name="dense")(inputs))
    model = compiled(keras.Model(inputs, x), optimizer)
    x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    model.fit(x, x, batch_size=4, verbose=0)
    return model


def optimizer_state(model):
    return [keras.ops.convert_to_numpy(value) for value in model.optimizer.variables]


def test_a_compiled_model_keeps_its_optimizer_state():
    model = fitted(keras.optimizers.Adam(0.02))
    before = optimizer_state(model)
    new, _ = replace_normalization(model, "group", groups=2)
    assert new.compiled and new.optimizer is not model.optimizer
    assert float(new.optimizer.learning_rate) == pytest.approx(0.02)
    assert int(new.optimizer.iterations) == int(model.optimizer.iterations) == 2
    for mine, theirs in zip(optimizer_state(new), before, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    x = np.ones((8, 4), "float32")
    assert set(new.evaluate(x, x, return_dict=True, verbose=0)) == {"loss", "mae", "own"}
    new.fit(x, x, verbose=0)
    for mine, theirs in zip(optimizer_state(model), before, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@once
def test_an_optimizer_that_cannot_go_on_starts_anew_and_says_so():
    model = fitted(keras.optimizers.SGD(0.02, momentum=0.9))
    with pytest.warns(UserWarning, match="starts anew"):
        new, _ = replace_normalization(model, norms.BatchNormalization, scale=False)
    assert not new.optimizer.built
    assert float(new.optimizer.learning_rate) == pytest.approx(0.02)
    with pytest.warns(UserWarning, match="starts anew"):
        replace_normalization(model, "layer", center=False)


@once
def test_a_compile_of_ones_own_is_not_guessed():
    class Own(keras.Model):
        def compile(self, rate, **kwargs):
            super().compile(keras.optimizers.SGD(rate), "mse")

    inputs = keras.Input((4,))
    model = Own(inputs, layers.BatchNormalization()(inputs))
    model.compile(rate=0.1)
    with pytest.warns(UserWarning, match="cannot be repeated"):
        assert not replace_normalization(model, "layer").model.compiled


@once
@pytest.mark.filterwarnings("ignore:Skipping nested container")
def test_weight_files_keys_come_from_class_names(tmp_path):
    """So files of the old model do not fit the new one, and those of the new one do."""
    model = randomised("functional")
    model.save_weights(tmp_path / "old.weights.h5")
    new, _ = replace_normalization(model, "group", groups=2)
    with pytest.raises(ValueError):
        new.load_weights(tmp_path / "old.weights.h5")
    new.save_weights(tmp_path / "new.weights.h5")
    other, _ = replace_normalization(functional(), "group", groups=2)
    other.load_weights(tmp_path / "new.weights.h5")
    for mine, theirs in zip(other.get_weights(), new.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@once
def test_no_layer_is_inserted_so_files_and_optimizers_match_layers():
    """Optimizer state and `.weights.h5` follow class counters, which an inserted layer shifts."""
    model = fitted()
    new, _ = replace_normalization(model, "group", groups=2)
    assert [layer.name for layer in new.layers] == [layer.name for layer in model.layers]
    names = [value.path for value in model.optimizer.variables]
    assert [value.path for value in new.optimizer.variables] == names


@once
def test_keras_group_normalization_takes_no_mask():
    model = MODELS["masked"]()
    with pytest.raises(TypeError):
        keras.models.clone_model(
            model,
            clone_function=lambda layer: (
                layers.GroupNormalization(2, name=layer.name)
                if isinstance(layer, layers.BatchNormalization)
                else layer.__class__.from_config(layer.get_config())
            ),
        )
    new, _ = replace_normalization(model, "group", groups=2)
    x = data("masked")
    first, second = (keras.ops.convert_to_numpy(new(part)) for part in (x, x[:, :5]))
    np.testing.assert_allclose(first, second, atol=1e-5)  # what the mask leaves out is not there
    with pytest.raises(ValueError, match="'bn': It gets a mask, and GroupNormalization takes none"):
        replace_normalization(model, layers.GroupNormalization, groups=2)


@once
def test_keras_group_normalization_reloads_where_there_is_no_mask(tmp_path):
    """A graph's call of batch normalization says `mask=None`, which Keras' layer cannot read."""
    new, _ = replace_normalization(functional(), layers.GroupNormalization, groups=2)
    new.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.get_layer("a_bn").groups == 2


@once
def test_on_tensorflow_keras_skips_an_attribute_of_the_value_already_there():
    """Flags are set one by one: a frozen parent over a trainable layer stays just that."""
    model = nested()
    inner = model.get_layer("middle").layers[0]
    inner._trainable = False
    new, _ = replace_normalization(model, "group", groups=2)
    twin = new.get_layer("middle").layers[0]
    assert not twin.trainable and twin.get_layer("a_bn")._trainable
    assert twin.get_layer("a_bn").gamma.trainable
    assert new.get_layer("middle")._trainable


@once
def test_a_shared_layer_stays_one_layer():
    new, report = replace_normalization(MODELS["shared"](), "group", groups=2)
    assert count(new, norms.GroupNormalization) == len(report.replaced) == 3
    norm = next(layer for layer in new.layers if type(layer) is norms.GroupNormalization)
    assert len(norm._inbound_nodes) == 2


@once
def test_an_input_may_be_that_of_a_nested_model_too():
    inputs, relu = keras.Input(SHAPE), layers.ReLU(name="relu")
    inner = keras.Model(inputs, relu(layers.BatchNormalization(name="bn")(inputs)), name="inner")
    model = keras.Model(inputs, relu(inner(inputs)))
    new, report = replace_normalization(model, "group", groups=2)
    assert report.replaced == ["inner/bn"]
    assert new(np.ones((1, *SHAPE))).shape == (1, *SHAPE)


@once
def test_mixed_precision_policies_stay():
    inputs = keras.Input(SHAPE)
    keras.config.set_dtype_policy("mixed_float16")
    model = keras.Model(inputs, block(inputs, "a"))
    keras.config.set_dtype_policy("float32")
    new, _ = replace_normalization(model, "group", groups=2)
    policies = [layer.dtype_policy.name for layer in model.layers]
    assert [layer.dtype_policy.name for layer in new.layers] == policies
    assert new.get_layer("a_bn").compute_dtype == "float16"
    assert [weight.dtype for weight in new.weights] == ["float32"] * len(new.weights)


@once
def test_a_class_that_a_notebook_has_redefined_is_the_model_s_own():
    def define():
        @keras.saving.register_keras_serializable(package="notebook")
        class Cell(layers.BatchNormalization):
            pass

        return Cell

    first, inputs = define(), keras.Input((4,))
    inner = keras.Model(inputs, first(name="own")(inputs), name="inner")
    model = keras.Sequential([inputs, inner, layers.LayerNormalization(name="ln")])
    second = define()
    new, _ = replace_normalization(model, "layer", "^ln$")
    assert type(new.get_layer("inner").get_layer("own")) is first
    assert keras.saving.get_registered_object("notebook>Cell") is second


@once
def test_regularizers_stay():
    model = functional()
    new, _ = replace_normalization(model, "group", groups=2)
    losses = [sum(map(keras.ops.convert_to_numpy, each.losses)) for each in (model, new)]
    assert losses[0] == pytest.approx(losses[1]) and losses[0] > 0


def test_statistics_are_computed_and_nothing_else_moves():
    model = randomised("functional")
    model.get_layer("a_bn").trainable = False
    flags = [layer.trainable for layer in model.layers]
    before = {weight.path: keras.ops.convert_to_numpy(weight) for weight in model.weights}
    recompute_statistics(model, data("functional", 9))
    after = {weight.path: keras.ops.convert_to_numpy(weight) for weight in model.weights}
    moved = {path for path in before if not np.array_equal(before[path], after[path])}
    assert moved == {path for path in before if "moving_" in path}
    assert [layer.trainable for layer in model.layers] == flags
    assert all("call" not in vars(layer) for layer in model.layers)


def test_training_false_does_not_hold_the_statistics_of_a_nested_model():
    """`fit` ignores `training=False` of a nested model."""
    inputs = keras.Input(freezing_models.SHAPE)
    base = freezing_models.chain(*freezing_models.body("a"), name="base")
    model = keras.Model(inputs, freezing_models.head()(base(inputs, training=False)))

    def moved():
        paths = [weight.path for weight in model.weights]
        return dict(zip(paths, freezing_models.what_moves(model), strict=True))

    assert moved()["a_bn1/moving_mean"]
    with pytest.warns(UserWarning, match="is compiled"):
        freeze_statistics(model)
    found = moved()
    assert not found["a_bn1/moving_mean"] and found["a_bn1/gamma"]
