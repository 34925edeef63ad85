"""Surgery and freezing on whatever network of blocks, nested or not, comes up."""

import re

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

import kerasnorm as kn
from kerasnorm.normalization import BatchNormalization

few = settings(max_examples=settings.default.max_examples // 3)  # a model an example
NORMS = {
    "keras": layers.BatchNormalization,
    "ours": BatchNormalization,
    "group": lambda name: kn.GroupNormalization(2, name=name),
    "none": None,
}


# how a block of a network is made
BLOCK = st.fixed_dictionaries(
    {
        "conv": st.sampled_from(["conv", "depthwise", "separable", "transpose"]),
        "norm": st.sampled_from([*NORMS]),
        "relu": st.sampled_from(["after", "between", "inside", "never"]),
        "residual": st.booleans(),
        "nested": st.booleans(),
    }
)
BLOCKS = st.lists(BLOCK, min_size=1, max_size=3)


def convolution(kind, activation, name):
    settings = {"padding": "same", "activation": activation, "name": name}
    if kind == "depthwise":
        return layers.DepthwiseConv2D(3, **settings)
    classes = {
        "conv": layers.Conv2D,
        "separable": layers.SeparableConv2D,
        "transpose": layers.Conv2DTranspose,
    }
    return classes[kind](4, 3, **settings)


def block(x, index, made):
    inputs = x
    activation = "relu" if made["relu"] == "inside" else None
    x = convolution(made["conv"], activation, f"conv{index}")(x)
    if made["relu"] == "between":
        x = layers.ReLU(name=f"relu{index}")(x)
    if NORMS[made["norm"]]:
        x = NORMS[made["norm"]](name=f"norm{index}")(x)
    if made["relu"] == "after":
        x = layers.ReLU(name=f"relu{index}")(x)
    return layers.Add(name=f"add{index}")([inputs, x]) if made["residual"] else x


def network(drawn):
    """Returns a model (3, 3, 4) → 2 with weights, statistics included, that are nowhere 0 or 1."""
    keras.utils.clear_session(free_memory=False)
    inputs = x = keras.Input((3, 3, 4), name="images")
    for index, made in enumerate(drawn):
        if made["nested"]:
            inner = keras.Input((3, 3, 4), name=f"in{index}")
            x = keras.Model(inner, block(inner, index, made), name=f"block{index}")(x)
        else:
            x = block(x, index, made)
    pooled = layers.GlobalAveragePooling2D(name="pool")(x)
    model = keras.Model(inputs, layers.Dense(2, name="head")(pooled), name="network")
    rng = np.random.default_rng(len(drawn))
    model.set_weights([rng.uniform(0.2, 0.8, w.shape).astype("float32") for w in model.weights])
    return model


def outputs(model):
    x = np.random.default_rng(0).normal(size=(2, 3, 3, 4)).astype("float32")
    return keras.ops.convert_to_numpy(model(x, training=False))


def same(model, before):
    """Whether a model is as it was: a surgeon may change nothing of what is given."""
    return all(np.array_equal(*each) for each in zip(model.get_weights(), before, strict=True))


def paths(model, of=None):
    """Returns the paths of the leaf layers, of a class if given, bottom up."""
    rows = kn.inspect(model).rows
    return [row["path"] for row in rows if of is None or row["layer_class"] == of]


@pytest.mark.filterwarnings("ignore:.*not folded")
@few
@given(BLOCKS)
def test_folding_keeps_the_outputs(drawn):
    model = network(drawn)
    before, y = model.get_weights(), outputs(model)
    folded = kn.fold_batchnorm(model)
    np.testing.assert_allclose(outputs(folded), y, rtol=2e-4, atol=2e-5)
    left = {path.rpartition("/")[2] for path in paths(folded, "BatchNormalization")}
    batch = [index for index, made in enumerate(drawn) if made["norm"] in ("keras", "ours")]
    between = [index for index in batch if drawn[index]["relu"] in ("between", "inside")]
    assert left == {f"norm{index}" for index in between}
    assert same(model, before)


@few
@given(BLOCKS)
def test_synchronizing_and_back_keeps_the_outputs(drawn):
    model = network(drawn)
    before, y = model.get_weights(), outputs(model)
    there = kn.convert_sync_batchnorm(model)
    back = kn.revert_sync_batchnorm(there)
    np.testing.assert_array_equal(outputs(there), y)
    np.testing.assert_array_equal(outputs(back), y)
    assert back.get_config() == model.get_config() and same(model, before)


@few
@given(BLOCKS, st.sampled_from(["group", "instance", "layer"]))
def test_replacing_keeps_all_other_weights(drawn, to):
    model = network(drawn)
    before = model.get_weights()
    settings = {"groups": 2} if to == "group" else {}
    changed = {index for index in (0, 2) if index < len(drawn) and drawn[index]["norm"] != "none"}
    if not changed:
        with pytest.raises(ValueError, match="where"):
            kn.replace_normalization(model, to, where="norm[02]$", **settings)
        return
    new, report = kn.replace_normalization(model, to, where="norm[02]$", **settings)
    assert {int(path[-1]) for path in report.replaced} <= changed
    assert np.isfinite(outputs(new)).all() and same(model, before)
    old = {variable.path: np.array(variable) for variable in model.weights}
    for variable in new.weights:
        if not re.search("norm[02]/", variable.path):
            np.testing.assert_array_equal(np.array(variable), old[variable.path])


@few
@given(BLOCKS, st.data())
def test_freezing_trains_exactly_the_layers_above(drawn, data):
    model = network(drawn)
    weighted = [row["path"] for row in kn.trainable_table(model).rows if row["parameters"]]
    until = data.draw(st.integers(0, len(weighted)))
    change = kn.freeze(model, until=until)
    trains = {row["path"]: row["trainable"] for row in kn.trainable_table(model).rows}
    assert [trains[path] for path in weighted] == [at >= until for at in range(len(weighted))]
    assert set(change.frozen) >= set(weighted[:until])
    assert not any(path in weighted[until:] for path in change.frozen)
    kn.unfreeze(model, above=0, batchnorm="train")
    assert all(row["trainable"] for row in kn.trainable_table(model).rows)
