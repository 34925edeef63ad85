"""Checks what a layer says of itself: arguments, configuration, shape, file."""

import json
import pathlib
import tempfile

import keras
import numpy as np

from kerasnorm.testing._subject import Subject, require, require_close, require_equal


def arguments_are_attributes(subject: Subject) -> None:
    """Each argument is an attribute with the same value and type."""
    layer = subject.layer()
    for name, value in subject.arguments.items():
        require(hasattr(layer, name), f"The argument `{name}` should be an attribute.")
        received = getattr(layer, name)
        require_equal(received, value, f"The attribute `{name}`")
        require_equal(type(received), type(value), f"The type of the attribute `{name}`")


def config_makes_the_same_layer(subject: Subject) -> None:
    """`from_config` of the configuration, through JSON, has that configuration."""
    layer = subject.layer()
    config = layer.get_config()
    copy = type(layer).from_config(config)
    for name, value in subject.arguments.items():
        received = _as_in_json(getattr(copy, name, None))
        what = f"The attribute `{name}` of a layer made from its configuration"
        require_equal(received, _as_in_json(value), what)
    require_equal(copy.get_config(), config, "The configuration of a layer made by `from_config`")
    with _known(subject):
        text = json.dumps(keras.saving.serialize_keras_object(layer))
        read = keras.saving.deserialize_keras_object(json.loads(text))
        again = json.dumps(keras.saving.serialize_keras_object(read))
    require_equal(again, text, "The JSON of a layer made from its JSON")


def _as_in_json(value):
    return list(value) if isinstance(value, tuple) else value


def config_stays(subject: Subject) -> None:
    """Building and calling a layer changes nothing in its configuration."""
    layer = subject.layer()
    before = layer.get_config()
    subject.run(layer, subject.inputs())
    require_equal(layer.get_config(), before, "The configuration after a call")


def output_shape(subject: Subject) -> None:
    """A symbolic call, and `compute_output_shape` if there is one, say the shape that comes."""
    layer = subject.layer()
    shape = subject.run(layer, subject.inputs()).shape
    inputs = keras.Input(batch_shape=subject.input_shape)
    require_equal(tuple(subject.layer()(inputs).shape), shape, "The shape of a symbolic output")
    if type(layer).compute_output_shape is not keras.layers.Layer.compute_output_shape:
        said = tuple(layer.compute_output_shape(subject.input_shape))
        require_equal(said, shape, "`compute_output_shape`")


def saved_and_loaded(subject: Subject) -> None:
    """A loaded model computes the same and has the same configuration."""
    inputs = keras.Input(subject.input_shape[1:])
    model = keras.Model(inputs, subject.layer(name="subject")(inputs))
    x = subject.inputs()
    model(x, training=subject.training)
    with tempfile.TemporaryDirectory() as folder, _known(subject):
        path = pathlib.Path(folder, "model.keras")
        model.save(path)
        loaded = keras.saving.load_model(path)
    expected = keras.ops.convert_to_numpy(model(x, training=False))
    received = keras.ops.convert_to_numpy(loaded(x, training=False))
    require(np.array_equal(received, expected), "A loaded model should compute the same.")
    configs = [each.get_layer("subject").get_config() for each in (loaded, model)]
    require_equal(*configs, "The configuration of the loaded layer")
    for one, other in zip(loaded.weights, model.weights, strict=True):
        pair = [keras.ops.convert_to_numpy(weight) for weight in (one, other)]
        require_close(*pair, 0.0, f"The loaded weight `{other.path}`")


def _known(subject: Subject):
    layer_class = type(subject.layer())
    return keras.saving.CustomObjectScope({layer_class.__name__: layer_class})
