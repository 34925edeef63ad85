"""SyncBatchNormalization on one device; its replicas are in `test_replicas_*.py`."""

import keras

from kerasnorm import normalization as kn


def test_synchronized_models_load_on_every_backend(tmp_path):
    """Keras' `synchronized=True` raises off TensorFlow, so its files do not load there."""
    layer = kn.BatchNormalization(synchronized=True)
    assert kn.BatchNormalization.from_config(layer.get_config()).synchronized
    layer = kn.SyncBatchNormalization(axis_name="batch")
    model = keras.Sequential([keras.Input((3,)), layer])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[0]) is kn.SyncBatchNormalization
    assert loaded.layers[0].get_config() == layer.get_config()
    assert loaded.layers[0].axis_name == "batch"
