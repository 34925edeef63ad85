"""`fold_weight_norm`."""

import keras
import numpy as np
import pytest
from keras import layers
from migrate.old_files import Golden, difference, run

from kerasnorm import normalization as norms
from kerasnorm.migrate import fold_weight_norm, load_tfa_model


def wrappers(model):
    return [layer for layer in model._flatten_layers() if type(layer) is norms.WeightNormalization]


def test_a_loaded_model(old, tmp_path):
    path = old("weight_norm.h5")
    golden, model = Golden(path.parent, "weight_norm"), load_tfa_model(path)
    before = model.get_weights()
    folded = fold_weight_norm(model)
    assert wrappers(model) and not wrappers(folded)
    assert difference(run(folded, golden.x), golden.y) < 5e-6
    assert [layer.name for layer in folded.layers] == [layer.name for layer in model.layers]
    for new, value in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(new, value)
    folded.save(tmp_path / "folded.keras")
    again = keras.saving.load_model(tmp_path / "folded.keras")
    assert difference(run(again, golden.x), run(folded, golden.x)) == 0


def nested():
    base = keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            norms.WeightNormalization(layers.Conv2D(3, 3), name="a"),
            norms.WeightNormalization(layers.DepthwiseConv2D(3), data_init=False, name="b"),
            norms.WeightNormalization(layers.Conv2DTranspose(2, 2), data_init=False, name="c"),
        ]
    )
    base.get_layer("b").trainable = False
    inputs = keras.Input((5, 8, 8, 2))
    x = layers.TimeDistributed(base)(inputs)
    x = layers.TimeDistributed(layers.Flatten())(x)
    x = norms.WeightNormalization(layers.LSTM(3), data_init=False, name="d")(x)
    return keras.Model(inputs, x)


def test_nested_shared_frozen_and_recurrent(rng, tmp_path):
    model = nested()
    x = rng.normal(size=(2, 5, 8, 8, 2)).astype("float32")
    model(x, training=True)
    model.compile("sgd", "mse", run_eagerly=True)
    folded = fold_weight_norm(model)
    assert len(wrappers(model)) == 4 and not wrappers(folded)
    y, z = (keras.ops.convert_to_numpy(each(x)) for each in (model, folded))
    np.testing.assert_allclose(z, y, atol=1e-6)
    assert not folded.layers[1].layer.get_layer("b").trainable
    assert len(folded.trainable_weights) == 7 and folded.compiled
    folded.fit(x, y, verbose=0)
    folded.save(tmp_path / "folded.keras")
    again = keras.saving.load_model(tmp_path / "folded.keras")
    assert len(again.trainable_weights) == 7
    z, again = (keras.ops.convert_to_numpy(each(x)) for each in (folded, again))
    np.testing.assert_array_equal(again, z)


def test_nothing_to_fold():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    folded = fold_weight_norm(model)
    assert folded is not model and folded.layers[0].get_config() == model.layers[0].get_config()
    with pytest.raises(ValueError, match="not built"):
        fold_weight_norm(keras.Sequential([layers.Dense(2)]))
