"""Which layers `until` and `above` mean; what they cannot mean changes nothing."""

import re

import keras
import numpy as np
import pytest
from backends import once
from transfer.freezing_models import MODELS, body, chain, head

from kerasnorm.transfer import freeze, trainable_table, unfreeze

pytestmark = once

PATHS = ["base/a_conv1", "base/a_bn1", "base/a_conv2", "base/a_bn2", "b_conv1", "b_bn1"]
PATHS += ["b_conv2", "b_bn2", "head"]


@pytest.fixture
def model():
    return chain(chain(*body("a"), name="base"), *body("b"), head())


@pytest.mark.parametrize(
    ("until", "count"),
    [
        (0, 0),
        (1, 1),
        (1.0, 9),
        (9, 9),
        (0.0, 0),
        (0.5, 4),
        (1 / 3, 3),
        (0.4, 4),  # 3.6 layers, to the nearest
        (np.int64(1), 1),
        (np.uint8(5), 5),
        (np.float64(1), 9),
        (np.float32(1), 9),
        ("base", 4),
        ("a_conv2", 3),
        ("base/a_conv2", 3),
        ("base/a_relu1", 2),
        ("b_relu1", 6),
        ("b", 8),
        ("head", 9),
    ],
)
def test_up_to_and_including(model, until, count):
    assert freeze(model, until=until).frozen == PATHS[:count]
    model.trainable = False
    assert unfreeze(model, above=until, batchnorm="train").unfrozen == PATHS[count:]


@pytest.mark.parametrize(
    ("which", "paths"),
    [
        (re.compile("^base/.*bn"), ["base/a_bn1", "base/a_bn2"]),
        (re.compile("base"), PATHS[:4]),
        (r"bn\d", [path for path in PATHS if "bn" in path]),
        (r"^b_conv|head", ["b_conv1", "b_conv2", "head"]),
        (lambda layer: isinstance(layer, keras.layers.Dense), ["head"]),
        (lambda layer: layer.name.endswith("2"), [path for path in PATHS if path[-1] == "2"]),
    ],
)
def test_what_matches_and_nothing_else(model, which, paths):
    assert freeze(model, until=which).frozen == paths
    model.trainable = False
    change = unfreeze(model, above=which, batchnorm="train")
    assert change.unfrozen == paths and not change.frozen


def state(model):
    rows = trainable_table(model).rows
    return rows, [(type(layer), layer.trainable) for layer in model._flatten_layers()]


@pytest.mark.parametrize(
    "bad",
    [
        -1,
        10,
        -0.1,
        1.01,
        float("nan"),
        float("inf"),
        True,
        np.bool_(False),
        None,
        [1],
        "no_such_layer",
        "a_bn1/base",
        "([",
        re.compile("relu"),
        re.compile("nothing"),
        lambda layer: False,
        keras.layers.Dense,
        keras.layers.Dense(1),
    ],
    ids=lambda bad: getattr(bad, "__name__", None) or repr(bad),
)
def test_what_cannot_be_meant_changes_nothing(model, bad):
    freeze(model, until=2, batchnorm="affine_only")
    before = state(model)
    for call in (
        lambda: freeze(model, until=bad),
        lambda: unfreeze(model, above=bad, batchnorm="train"),
    ):
        with pytest.raises(ValueError, match=r"`(until|above)`"):
            call()
        assert state(model) == before


@pytest.mark.parametrize("bad", ["eval", "Inference", None, True, ["train"]])
def test_batchnorm_is_one_of_three(model, bad):
    before = state(model)
    for call in (
        lambda: freeze(model, until=1, batchnorm=bad),
        lambda: unfreeze(model, above=1, batchnorm=bad),
    ):
        with pytest.raises(ValueError, match="affine_only"):
            call()
    assert state(model) == before


def test_only_models_are_frozen():
    with pytest.raises(ValueError, match=r"keras\.Model"):
        freeze(keras.layers.Dense(1), until=1)


def test_a_name_in_two_places_is_refused_and_a_path_is_not():
    model = chain(chain(*body("a"), name="left"), chain(*body("a"), name="right"), head())
    before = state(model)
    for name in ("a_conv1", "a"):
        with pytest.raises(ValueError, match=r"left/a_conv1.*right/a_conv1"):
            freeze(model, until=name)
    assert state(model) == before
    assert len(freeze(model, until="right/a_conv1").frozen) == 5


def test_a_layer_of_the_model_itself_has_the_name_first():
    model = chain(chain(keras.layers.Dense(6, name="head"), name="base"), head())
    assert freeze(model, until="head").frozen == ["base/head", "head"]


@pytest.mark.parametrize(
    ("until", "count"),
    [("block_1", 2), ("block_10", 3), ("block5", 5), ("block5a", 4), ("block5b", 5), ("conv", 7)],
)
def test_blocks_as_applications_name_them(until, count):
    names = ["block_1_conv", "block_1_bn", "block_10_conv", "block5a_conv", "block5b_conv"]
    names += ["conv_pw_1", "conv_pw_2"]
    model = chain(*(keras.layers.Dense(6, name=name) for name in names), head())
    assert freeze(model, until=until).frozen == names[:count]


@pytest.mark.parametrize("kind", MODELS)
def test_an_int_counts_the_leaves_that_have_weights(kind):
    model = MODELS[kind]()
    paths = [row["path"] for row in trainable_table(model).rows]
    own = [path for path in paths if path == "scaled"]
    for count in (1, 2, len(paths) - len(own)):
        frozen = freeze(model, until=count).frozen
        assert not frozen or frozen[0] in paths
        rows = trainable_table(model).rows
        leaves = [row for row in rows if row["path"] not in own]
        assert [row["trainable"] for row in leaves].index(True) if count < len(leaves) else True
        assert sum(not row["trainable"] for row in leaves) == count


def test_paths_and_order_of_what_is_entered():
    paths = {kind: [r["path"] for r in trainable_table(MODELS[kind]()).rows] for kind in MODELS}
    block = ["block/attention", "block/bn", "block/ln", "block/dense"]
    assert paths["nested"][:2] == ["base/inner/a_conv1", "base/inner/a_bn1"]
    assert paths["custom"][:6] == [*block, "scaled/dense", "scaled"]
    assert paths["composite"] == ["cna/conv", "cna/normalization", "head"]
    assert [path.split("/")[0] for path in paths["wrapped"]] == [
        *["td"] * 2,
        *["bi"] * 2,
        "spectral",
        "head",
    ]
    assert paths["shared"] == [
        *(f"twice/twice_{name}" for name in ("conv1", "bn1", "conv2", "bn2")),
        "head",
    ]
    assert paths["subclassed"][:5] == [*block, "base/inner_conv1"]


@pytest.fixture(scope="module")
def resnet():
    return keras.applications.ResNet50(weights=None, include_top=False, input_shape=(32, 32, 3))


@pytest.mark.parametrize(
    ("until", "last"),
    [
        ("conv2_block1", "conv2_block1_3_bn"),
        ("conv2", "conv2_block3_3_bn"),
        ("conv2_block1_out", "conv2_block1_3_bn"),
        ("conv1_conv", "conv1_conv"),
        (20, None),
        (0.25, None),
        (1.0, None),
    ],
)
def test_counting_and_blocks_of_an_application(resnet, until, last):
    resnet.trainable = True
    weighted = [layer.name for layer in resnet.layers if layer.weights]
    shares = {20: 20, 0.25: round(len(weighted) / 4), 1.0: len(weighted)}
    if last is None:
        expected = weighted[: shares[until]]
    else:
        names = [layer.name for layer in resnet.layers]
        end = max(i for i, name in enumerate(names) if name.startswith(str(until)))
        expected = [name for name in names[: end + 1] if name in weighted]
        assert last in expected
    unfreeze(resnet, above=0, batchnorm="train")
    assert freeze(resnet, until=until).frozen == expected
