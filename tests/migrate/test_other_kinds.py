"""Files that are no model of Keras are named for what they are, with the way on."""

import io
import json
import pickle
import zipfile

import keras
import numpy as np
import pytest
from backends import once
from keras import layers

from kerasnorm.migrate import load_tfa_model, load_tfa_weights

pytestmark = once


def zipped(*names):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return buffer.getvalue()


def array():
    buffer = io.BytesIO()
    np.save(buffer, np.ones(3))
    return buffer.getvalue()


def frozen_graph():
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        tf.constant(1.0)
    return graph.as_graph_def().SerializeToString()


KINDS = {
    "frozen.pb": (frozen_graph, "graph of TensorFlow"),
    "lite.tflite": (lambda: b"\x1c\0\0\0TFL3" + bytes(40), "TensorFlow Lite"),
    "zip.pt": (lambda: zipped("archive/data.pkl", "archive/data/0"), "PyTorch"),
    "old.pth": (lambda: pickle.dumps({"x": 1}), "pickle"),
    "forest.joblib": (lambda: pickle.dumps([1], protocol=4), "pickle"),
    "graph.onnx": (lambda: b"\x08\x07\x12\x07pytorch", "ONNX"),
    "array.npy": (array, "NumPy"),
    "arrays.npz": (lambda: zipped("a.npy"), "NumPy"),
    "packed.h5.gz": (lambda: b"\x1f\x8b\x08" + bytes(20), "gzip"),
    "packed.zip": (lambda: zipped("folder/model.h5"), r"Unpack it: 'folder/model\.h5'"),
    "pointer.h5": (lambda: b"version https://git-lfs.github.com/spec/v1\noid x", "git lfs pull"),
    "page.h5": (lambda: b"<!DOCTYPE html><html>", "page of the web"),
    "checkpoint": (lambda: b'model_checkpoint_path: "x"', "prefix"),
    "x.data-00000-of-00001": (lambda: bytes(100), "prefix"),
    "saved_model.pb": (lambda: b"\x08\x01\x12", "Give the folder"),
    "tensors.safetensors": (lambda: (16).to_bytes(8, "little") + b'{"a": {}}', "safetensors"),
}


@pytest.mark.parametrize("name", KINDS)
def test_named_for_what_it_is(name, tmp_path, monkeypatch):
    make, said = KINDS[name]
    path = tmp_path / name
    path.write_bytes(make())
    monkeypatch.setattr(pickle, "loads", None)  # nothing in it is opened by this
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    for load in (load_tfa_model, lambda path: load_tfa_weights(model, path)):
        with pytest.raises(ValueError, match=said) as caught:
            load(path)
        assert repr(str(path)) in str(caught.value)


def test_the_index_of_a_checkpoint(old):
    path = old("group_checkpoint.index", name="group")
    with pytest.raises(ValueError, match="prefix"):
        load_tfa_model(path)


def test_an_h5_file_of_keras_3(tmp_path):
    path = tmp_path / "new.h5"
    keras.Sequential([keras.Input((3,)), layers.Dense(2)]).save(path)
    with pytest.raises(ValueError, match=r"of Keras 3.*load_model"):
        load_tfa_model(path)


def test_keras_1():
    """Its own `to_json` of a Dense layer."""
    config = {"name": "dense_1", "output_dim": 2, "init": "glorot_uniform", "W_regularizer": None}
    layer = {"class_name": "Dense", "config": {**config, "batch_input_shape": [None, 3]}}
    text = json.dumps({"class_name": "Sequential", "keras_version": "1.2.2", "config": [layer]})
    with pytest.raises(ValueError, match=r"of Keras 1, .*Load it with Keras 2"):
        load_tfa_model(text)
