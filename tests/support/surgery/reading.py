"""What models say of their layers, for the tests of surgery."""

import keras

from kerasnorm.models._leaves import every_layer


def state(model):
    """All of a model that its owner can see."""
    found = [model, *model._flatten_layers()]
    return {
        "layers": [id(layer) for layer in found],
        "classes": [type(layer) for layer in found],
        "config": keras.tree.map_structure(str, model.get_config()),
        "flags": [layer.trainable for layer in found],
        "variables": [id(weight) for weight in model.weights],
        "values": [keras.ops.convert_to_numpy(weight).tobytes() for weight in model.weights],
        "trainable": [weight.path for weight in model.trainable_weights],
        "compiled": model.compiled,
    }


def paths_of(model, *classes):
    return [leaf.path for leaf in every_layer(model) if isinstance(leaf.layer, classes)]


def by_path(model):
    return {weight.path: keras.ops.convert_to_numpy(weight) for weight in model.weights}


def one_layer(layer, shape):
    return keras.Sequential([keras.Input(shape), layer])
