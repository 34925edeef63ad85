"""Canary: what `normalization._keras` takes from Keras is there and means what it meant."""

import keras
import pytest

from kerasnorm.normalization._keras import attribute_of

pytestmark = pytest.mark.keras_fault


@pytest.mark.parametrize(
    ("layer", "name", "shape"),
    [
        (keras.layers.Dense(2), "kernel", (None, 3)),
        (keras.layers.Conv2D(2, 3), "kernel", (None, 8, 8, 3)),
        (keras.layers.Conv2DTranspose(2, 3), "kernel", (None, 8, 8, 3)),
        (keras.layers.DepthwiseConv2D(3), "kernel", (None, 8, 8, 3)),
        (keras.layers.SeparableConv2D(2, 3), "pointwise_kernel", (None, 8, 8, 3)),
        (keras.layers.LSTMCell(2), "recurrent_kernel", (None, 3)),
        (keras.layers.Embedding(4, 2), "embeddings", (None,)),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_variables_are_in_attributes(layer, name, shape):
    layer.build(shape)
    attribute = attribute_of(layer, name)
    assert vars(layer)[attribute] is getattr(layer, name)
    vars(layer)[attribute] = keras.ops.zeros(getattr(layer, name).shape)
    assert getattr(layer, name) is vars(layer)[attribute]
