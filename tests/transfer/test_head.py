"""A new head on a copy."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from kerasnorm.models._leaves import leaves
from kerasnorm.transfer import fine_tune, freeze, replace_head

pytestmark = pytest.mark.usefixtures("without_tracing")
X = np.random.default_rng(0).normal(size=(3, 6)).astype("float32")


def sequential():
    body = keras.Sequential([keras.Input((6,)), layers.Dense(5, "relu", name="low")], name="body")
    return keras.Sequential(
        [keras.Input((6,)), body, layers.BatchNormalization(), layers.Dense(10, name="head")]
    )


def functional():
    x, y = keras.Input((6,), name="x"), keras.Input((6,), name="y")
    shared = layers.Dense(4, name="shared")
    z = layers.Dense(10, use_bias=False, name="head")(layers.add([shared(x), shared(y)]))
    return keras.Model({"x": x, "y": y}, layers.Softmax()(z))


def sigmoid():
    return keras.Sequential([keras.Input((6,)), layers.Dense(1, "sigmoid", name="head")])


KINDS = {"sequential": sequential, "functional": functional, "sigmoid": sigmoid}


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_with_another_head(kind):
    model = KINDS[kind]()
    if kind == "sequential":
        freeze(model, until=1.0)
    before = model.get_weights()
    new = replace_head(model, 3)
    data = {"x": X, "y": X} if kind == "functional" else X
    y = ops.convert_to_numpy(new(data))
    assert y.shape == (3, 3)
    if kind != "sequential":
        np.testing.assert_allclose(y.sum(-1), 1, rtol=1e-5)  # softmax, in place of a sigmoid too
    old, head = model.get_layer("head"), new.get_layer("head")
    assert head.use_bias == old.use_bias and head is not old and head.trainable
    weighted = ([leaf for leaf in leaves(each) if leaf.weights] for each in (model, new))
    for mine, theirs in zip(*weighted, strict=True):
        assert mine.path == theirs.path
        if mine.layer is not old:
            assert mine.layer.trainable == theirs.layer.trainable
            for a, b in zip(mine.weights, theirs.weights, strict=True):
                np.testing.assert_array_equal(*map(ops.convert_to_numpy, (a, b)))
    new.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
    new.fit(data, np.array([0, 1, 2]), verbose=0)
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


class Backbone(keras.Model):
    """As KerasHub has them: a functional graph, made in `__init__` from arguments of its own."""

    def __init__(self, filters=4, **kwargs):
        images = keras.Input((None, None, 3))
        x = layers.Conv2D(filters, 3, name="conv")(images)
        super().__init__(images, layers.LayerNormalization(name="norm")(x), **kwargs)
        self.filters = filters

    def get_config(self):
        return {"filters": self.filters, "name": self.name, "trainable": self.trainable}


def pooled():
    return keras.Sequential([Backbone(name="backbone"), layers.GlobalMaxPooling2D()])


@pytest.mark.parametrize("make", [Backbone, pooled], ids=["maps", "pooled"])
def test_a_backbone_gets_a_head(make):
    images = np.random.default_rng(0).normal(size=(2, 9, 9, 3)).astype("float32")
    model = make()
    maps = model(images)
    features = ops.mean(maps, (1, 2)) if make is Backbone else maps
    new = replace_head(model, 5)
    head = new.get_layer("head")
    expected = ops.matmul(features, head.kernel)
    np.testing.assert_allclose(
        *map(ops.convert_to_numpy, (new(images), expected)), rtol=1e-4, atol=1e-5
    )
    assert replace_head(new, 2).output_shape == (None, 2)
    y = np.array([0, 1])
    tuned = fine_tune(model, (images, y), classes=2, head_epochs=1, epochs=1, jit_compile=False)
    assert tuned.model.predict(images, verbose=0).shape == (2, 2)


@pytest.mark.parametrize(
    ("model", "classes", "message"),
    [
        (sequential(), 0, "`classes`"),
        (keras.Sequential([keras.Input((6,)), layers.ReLU()]), 3, "end in one Dense"),
    ],
    ids=["classes", "no head"],
)
def test_wrong_input_is_refused(model, classes, message):
    with pytest.raises(ValueError, match=message):
        replace_head(model, classes)
