"""New models from a given one, which stays as it is."""

import tempfile
from pathlib import Path

import keras

from kerasnorm.recipe.head import is_graph
from kerasnorm.surgery.frozen import plain_class
from kerasnorm.surgery.leaves import leaves


def copy_model(model: keras.Model) -> keras.Model:
    """Returns a copy with the same weights and flags, not compiled.

    It goes through a `.keras` file, which keeps all that a model is made of but the flags inside
    custom layers.
    """
    classes = [plain_class(layer) for leaf in leaves(model) for layer in leaf.nodes]
    own = {cls.__name__: cls for cls in classes if not cls.__module__.startswith("keras.")}
    with tempfile.TemporaryDirectory() as folder, keras.saving.custom_object_scope(own):
        path = Path(folder, "model.keras")
        model.save(path)
        copy = keras.saving.load_model(path, compile=False, safe_mode=False)
    for old, new in zip(leaves(model), leaves(copy), strict=True):
        if new.layer.trainable != old.layer.trainable:
            new.layer.trainable = old.layer.trainable
    return copy


def reinitialise(model: keras.Model) -> keras.Model:
    """Returns a functional or Sequential model of the same layers with new initial weights.

    What keras.layers.Normalization has learnt of the data (in EfficientNet: of ImageNet's) is
    no initial weight, and stays.
    """
    if not is_graph(model):
        raise ValueError(
            "transfer='scratch' gives functional and Sequential models new weights. Received: "
            f"{type(model).__name__} '{model.name}'. Pass a new model and transfer=None."
        )
    fresh = keras.models.clone_model(model)
    for old, new in zip(leaves(model), leaves(fresh), strict=True):
        if isinstance(old.layer, keras.layers.Normalization):
            new.layer.set_weights(old.layer.get_weights())
            new.layer.finalize_state()
    return fresh
